"""Figures of the report pages by plain SQL over the store's own tables, written without a look at
how the pages count.

A tile's query gives its value, then the numbers of its hint. A chart's gives label, series and
value. A table's gives columns named as its headings. A verdict's gives kept, not kept, open, and
the numbers in its reasons. Times are microseconds.
"""

from __future__ import annotations

DAY = 86_400_000_000


_SCOPED = "((select count(*) from chosen) = 0 or {0} in (select account_id from chosen))"
_PERIOD = "{0} >= (select start from scope) and {0} < (select end from scope)"
_NAMED = "(select word from words where kind = '{0}' and code = {1})"


def _in(column: str) -> str:
    return _PERIOD.format(column)


def of_accounts(column: str = "account_id") -> str:
    return _SCOPED.format(column)


def _word(kind: str, column: str = "") -> str:
    return _NAMED.format(kind, column or kind)


VIEWS = f"""
create view every_finding as
  select account_id, interaction_id, entity_type, action, status, count, trigger, event_time, processed_at, score from findings
  union all
  select account_id, interaction_id, entity_type, action, status, count, trigger, event_time, as_of, score from live_findings;
create view f as select * from every_finding where {_in("processed_at")} and {of_accounts()};
create view r as select * from f where status <> 'kept' and action <> 'keep';
create view x as
  select account_id, interaction_id, reason, rejected_at from rejected where {_in("rejected_at")} and {of_accounts()}
  union all select account_id, interaction_id, reason, rejected_at from live_rejected where {_in("rejected_at")} and {of_accounts()};
create view d as
  select d.*, r.run_id, r.as_of as ran_at from dispositions d join runs r on substr(r.run_id, 1, 16) = substr(d.run, 1, 16)
  where {_in("r.as_of")} and {of_accounts("d.account_id")};
create view gone as
  select d.*, coalesce(expired_first, eligible_at) as first,
    (select max(purged_at) from certificates c where c.run_id = d.run_id and c.record_class = d.record_class and c.method = d.method
      and c.account_type = d.type_at_event and c.rule_id = d.rule_id) as purged_at
  from d where decision in ('delete', 'redact') and disposed_at is not null and record_id is null;
create view late as select * from gone where not late and (disposed_at - eligible_at > {DAY} or disposed_at - first > 2 * {DAY});
create view decided as
  select decision, reason_code, ran_at, record_class, account_id, record_id, coalesce(rows_deleted, 1) as n from d
  where record_id is null or decision not in ('delete', 'redact');
create view step as
  with recursive s(request_id, seq, status, verified) as (
    select request_id, seq, 'open', 0 from subject_requests where event = 'opened'
    union all
    select e.request_id, e.seq,
      case e.event when 'verified' then 'verified' when 'paused' then 'on_hold'
        when 'resumed' then case when s.verified then 'verified' else 'open' end
        when 'closed' then case e.decision when 'granted' then 'completed' when 'partly_granted' then 'partly_completed' else e.decision end
        else case when e.event in ('searched', 'disclosed', 'erased', 'restricted', 'lifted', 'objected') and s.status in ('open', 'verified')
          then 'in_progress' else s.status end end,
      s.verified or e.event = 'verified'
    from s join subject_requests e on e.request_id = s.request_id and e.seq = s.seq + 1)
  select * from s;
create view last as
  select o.request_id, o.type, o.received_at, o.clock_start_at,
    coalesce((select extended_due_at from subject_requests e where e.request_id = o.request_id and extended_due_at is not null
      order by seq desc limit 1), o.due_at) as last_day,
    (select status from step s where s.request_id = o.request_id order by seq desc limit 1) as status,
    c.responded_at, max(c.responded_at, coalesce(c.entered_at, c.responded_at)) as answered_at,
    (select records_found from subject_requests e where e.request_id = o.request_id and records_found is not null
      order by seq desc limit 1) as records_found,
    c.disclosed, c.withheld, c.systems_not_executed,
    (select count(*) from subject_requests e where e.request_id = o.request_id and abs(e.entered_at - coalesce(
      case e.event when 'opened' then e.received_at when 'closed' then e.responded_at when 'extended' then e.extension_notified_at end, e.at))
      > 300000000)
    + (select count(*) from subject_requests a join subject_requests z on z.request_id = a.request_id and z.seq = a.seq + 1
      where a.request_id = o.request_id and (z.at < a.at or z.entered_at < a.entered_at)) as stated
  from subject_requests o left join subject_requests c on c.request_id = o.request_id and c.event = 'closed' where o.event = 'opened';
create view belongs as
  select request_id, account as account_id from subject_requests where account is not null
  union select e.request_id, j.value from subject_requests e, json_each(e.accounts) j
    where e.seq = (select max(seq) from subject_requests l where l.request_id = e.request_id and l.accounts is not null);
create view period as select * from last where received_at < (select end from scope)
  and (responded_at is null or responded_at >= (select start from scope));
create view q as select *, status in ('completed', 'partly_completed', 'refused', 'withdrawn', 'not_executed') as over,
  coalesce(answered_at > last_day, 0) as is_late from period
  where (select count(*) from chosen) = 0 or exists (select 1 from belongs b where b.request_id = period.request_id and {of_accounts("b.account_id")});
create view overdue as select * from q where not over and status <> 'on_hold' and (select as_of from scope) > last_day;
create view e as
  select * from erasure_certificates c where {_in("started_at")}
  and ((select count(*) from chosen) = 0 or exists (select 1 from belongs b where b.request_id = c.request_id and {of_accounts("b.account_id")}))
  and not exists (select 1 from erasure_certificates later where later.certificate_id = c.certificate_id
    and later.completed_at is not null and c.completed_at is null);
create view h as
  select v.*, c.field, c.sensitive_class from versions v left join changes c on c.version = v.n
  where {_in("v.created_at")} and {of_accounts("v.account_id")} and v.created_at <= (select as_of from scope)
  and v.recorded_at <= (select as_of from scope);
create view b as
  select *, case when notified_at is not null then
      case when notified_at <= aware_at + 3 * {DAY} then 'on_time' when late_reason <> '' then 'late_with_reasons' else 'late_without_reasons' end
    when notifiable = 0 then 'not_notifiable' when (select as_of from scope) > aware_at + 3 * {DAY} then 'overdue'
    when notifiable = 1 then 'due' else 'undecided' end as state
  from breaches where {_in("aware_at")};
create view held_values as select entity_type, sum(count) as n from every_finding where {of_accounts()} group by 1;
"""

_DATE = "date({0} / 1000000, 'unixepoch')"
_MONTH = "strftime('%Y-%m', {0} / 1000000, 'unixepoch')"
_CLOCK = "strftime('%Y-%m-%d %H:%M', {0} / 1000000, 'unixepoch')"
_NOW = "(select as_of from scope)"
_DAYS = f"printf('%.1f days', {{0}} / {DAY}.0)"

TILES: dict[str, dict[str, str]] = {
    "redaction": {
        "Values redacted": "select sum(count), count(distinct account_id || '/' || interaction_id) "
        "from r",
        "Values kept": "select sum(count) from f where status = 'kept'",
        "Kinds of personal data": "select count(distinct entity_type) from r",
        "By hand or on request": "select sum(count) from r where trigger <> 'auto'",
        "Recordings redacted": f"""select count(*), printf('%.1f', sum(covered) / 60.0) from receipts
            where what = 'audio' and {_in("as_of")} and {of_accounts()}""",
        "Records held back": "select count(*) from x",
    },
    "retention": {
        "Retention runs": "select count(distinct plan_sha256) from runs where job = 'retain' and "
        f"{_in('as_of')}",
        "Records deleted": "select sum(rows_deleted) from gone",
        "Deleted late": "select sum(rows_deleted) from late",
        "Longest from expiry to deletion": f"select {_DAYS.format('max(disposed_at - first)')} "
        "from gone",
        "Not yet purged everywhere": "select sum(rows_deleted) from gone where purged_at is null",
        "Held": "select count(distinct record_class || account_id || record_id) from d where "
        "decision = 'hold'",
    },
    "requests": {
        "Requests": "select count(*), sum(not over) from q",
        "Overdue": "select count(*) from overdue",
        "Due within 7 days": f"select count(*) from q where not over and last_day >= {_NOW} and "
        f"last_day < {_NOW} + 7 * {DAY}",
        "Answered late": "select sum(is_late), count(responded_at) from q",
        "Median days to answer": f"""select printf('%.1f', avg(days)) from (
            select (responded_at - clock_start_at) / {DAY}.0 as days, row_number() over (order by responded_at - clock_start_at) as place,
              count(*) over () as n from q where responded_at is not null) where place * 2 in (n, n + 1, n + 2)""",
        "Not carried out somewhere": "select count(*) from q where status = 'not_executed' or "
        "systems_not_executed <> '[]'",
        "Stated times": "select count(*) from q where stated > 0",
    },
    "erasures": {
        "Requests carried out": "select count(distinct request_id) from e",
        "Rows erased": "select sum(rows_erased) from e where method not in ('seal', 'restore')",
        "Rows set aside": "select sum(rows_erased) from e where method = 'seal'",
        "Rows kept": "select sum(rows_retained) from e",
        "Found by the check": "select sum(hits) from (select max(residual_hits) as hits from e "
        "group by evidence_root_sha256)",
        "Not complete": "select count(*) from e where completed_at is null",
    },
    "processing": {
        "Activities": "select count(*) from activities",
        "Compared with this store": "select count(*) from activities where ours",
        "Differences": f"""select (select 1 from held_values where entity_type not in (select entity from named) limit 1)
            + (select 1 from held_values where entity_type = 'NRP') + (select not exists (select 1 from places))
            + (select count(*) from limits l where exists (select 1 from versions v where v.account_type = l.account_type and {of_accounts()}
              and date(created_at / 1000000 + (l.days + 1) * 86400, 'unixepoch') < date((select as_of from scope) / 1000000, 'unixepoch')))""",
        "Time limits not kept": """select count(distinct l.activity_id), 0 from limits l join late on late.record_class = l.class
            and late.type_at_event = l.account_type""",
    },
    "history": {
        "Changes": "select count(*) from h",
        "Security-relevant changes": "select count(*) from h where sensitive_class is not null",
        "Actors": "select count(distinct coalesce(actor_id, actor_name)) from h",
        "Kinds of object": "select count(distinct item_type) from h",
    },
    "breaches": {
        "Breaches": "select count(*), sum(approx_subjects) from b",
        "Late without reasons, or overdue": "select count(*), 72, 33, 1 from b where state in "
        "('overdue', 'late_without_reasons')",
        "To be decided or notified": "select count(*), 72 from b where state in ('due', "
        "'undecided')",
        "Need not be notified": "select count(*) from b where state = 'not_notifiable'",
    },
}

CHARTS: dict[str, dict[str, str]] = {
    "redaction": {
        "Values redacted by type and "
        "day": f"""select case when (select max(event_time) - min(event_time) from r) >= 366 * {DAY}
            then {_MONTH.format("event_time")} else {_DATE.format("event_time")} end, entity_type, sum(count) from r group by 1, 2""",
        "Values redacted by type": "select entity_type, 'values', sum(count) from r group by 1",
        "What was done with what was found": f"select {_word('action')}, 'values', sum(count) from "
        "f group by 1",
        "Records held back, by reason": f"select {_word('failure_reason', 'reason')}, 'records', "
        "count(*) from x group by 1",
    },
    "retention": {
        "Decisions by run": f"select {_DATE.format('ran_at')}, {_word('decision')}, sum(n) from "
        "decided group by 1, 2",
        "Expiry backlog": f"""with days(day) as (select distinct {_DATE.format("first")} from gone
              union select {_DATE.format("disposed_at")} from gone
              union select date(value, 'unixepoch') from (with recursive t(value) as (select min(first) / 1000000 from gone
                union all select value + 86400 from t where value + 86400 <= (select max(disposed_at) / 1000000 from gone)) select value from t))
            select day, 'records', (select coalesce(sum(rows_deleted), 0) from gone where {_DATE.format("first")} <= day
              and {_DATE.format("disposed_at")} > day) from days""",
        "Deleted by record class": f"select {_word('record_class')}, 'records', sum(rows_deleted) "
        "from gone group by 1",
    },
    "requests": {
        "Open requests: age against "
        "deadline": f"""with w as (select case when request_id in (select request_id from overdue) then 'OVERDUE ' else ''
              end || request_id || ' (' || type || ')' as label, * from q where not over)
            select label, 'age', ({_NOW} - clock_start_at) / {DAY}.0 from w
            union all select label, 'time allowed', (last_day - clock_start_at) / {DAY}.0 from w""",
        "Requests received by type": f"select {_DATE.format('received_at')}, type, count(*) from q "
        "group by 1, 2",
        "Requests by status": f"select {_word('status')}, 'requests', count(*) from q group by 1",
    },
    "erasures": {
        "Rows erased by record "
        "class": f"""select {_DATE.format("started_at")}, {_word("record_class")}, sum(rows_erased) from e
            where method not in ('seal', 'restore') group by 1, 2""",
        "How rows were dealt with": f"select {_word('method')}, 'rows', sum(rows_erased) from e "
        "where rows_erased > 0 group by 1",
    },
    "processing": {
        "Values found in the store by type": "select entity_type, 'values', n from held_values"
    },
    "history": {
        "Changes by day and security "
        "class": f"""select {_DATE.format("created_at")}, coalesce(sensitive_class, 'other changes'), count(*)
            from h group by 1, 2""",
        "Changes by object": "select item_type, 'changes', count(*) from h group by 1",
        "Changes by actor": "select coalesce(actor_id, actor_name), 'changes', count(*) from h "
        "group by 1",
    },
    "breaches": {
        "Hours until the authority was told": f"""with t as (select
              breach_id || case when notified_at is null then ' (still open)' else '' end as label,
              (coalesce(notified_at, {_NOW}) - aware_at) / 3600000000.0 as hours from b where notifiable is not 0)
            select label, 'hours', hours from t union all select label, 'allowed', 72 from t""",
        "Breaches by state": f"select {_word('state')}, 'breaches', count(*) from b group by 1",
    },
}

TABLES: dict[str, dict[str, str]] = {
    "redaction": {
        "Values redacted by type": """select entity_type as Type, sum(count) as "Values",
            printf('%.1f%%', 100.0 * sum(count) / (select sum(count) from r)) as Share from r group by 1""",
        "Findings": f"""select {_CLOCK.format("event_time")} as "When", account_id as Account, interaction_id as Interaction,
            entity_type as Found, {_word("action")} as Action, score as Score from f""",
        "Records held back, by reason": f"select {_word('failure_reason', 'reason')} as Reason, "
        "count(*) as Records from x group by 1",
        "Records held back": f"""select {_CLOCK.format("rejected_at")} as "When", nullif(account_id, '') as Account,
            {_word("failure_reason", "reason")} as Reason from x""",
    },
    "retention": {
        "Reasons": f"select {_word('reason_code')} as Reason, sum(n) as Records from decided group "
        "by 1",
        "Decisions": f"""select {_word("record_class")} as Class, account_id as Account, {_word("decision")} as Decision, retention_days as Days,
            rows_deleted as Records, {_CLOCK.format("eligible_at")} as Expired, {_CLOCK.format("disposed_at")} as Deleted from d""",
    },
    "requests": {
        "Requests": f"""select request_id as Request, {_word("status")} as Status, records_found as Found, disclosed as Disclosed,
            withheld as Withheld, {_CLOCK.format("responded_at")} as Answered from q""",
    },
    "erasures": {
        "Certificates": """select request_id as Request, rows_matched as Matched, rows_erased as Erased, rows_retained as Kept,
            residual_hits as "Residual hits" from e""",
        "Grounds on which rows were "
        "kept": """select coalesce(retention_ground, 'no ground given') as Ground, sum(rows_retained) as Rows
            from e where rows_retained > 0 group by 1""",
    },
    "processing": {
        "Where policy and store do something else than the record "
        "says": """select (select count(*) from activities) as part_, * from (
            select entity_type || ' (' || printf('%,d', n) || ')' as Difference from held_values where entity_type not in (select entity from named)
            union all select ': ' || sum(rows_deleted) || ' versions were deleted late in this period' from late)""",
        "Processing activities": "select id as Activity from activities",
        "What policy and store "
        "do": f"""select 'rows of ' || {_word("dataset", "name")} as What, n as "Is" from stored where n > 0
            union all select 'rows of what was redacted as it arrived', (select printf('%,d', count(*)) from receipts where {of_accounts()})""",
    },
    "history": {
        "Security-relevant changes by "
        "class": """select sensitive_class as Class, count(*) as Changes from h
            where sensitive_class is not null group by 1""",
        "Security-relevant "
        "changes": f"""select {_CLOCK.format("created_at")} as "When", account_id as Account, item_type as Object,
            field as Field from h where sensitive_class is not null""",
        "All changes": f"""select {_CLOCK.format("created_at")} as "When", account_id as Account, item_type as Object, field as Field from h""",
    },
    "breaches": {
        "Breaches": f"""select breach_id as Breach, approx_subjects as People, approx_records as Records, {_word("state")} as State from b""",
        "States": f"select {_word('state')} as State, count(*) as Breaches from b group by 1",
    },
}

BROKEN = "(select request_id from overdue union select request_id from q where is_late)"
VERDICTS: dict[str, str] = {
    "Personal data is redacted before anybody reads a "
    "record": """select count(distinct account_id || '/' || interaction_id), 0,
        (select count(*) from x), (select sum(n) || ' ' || group_concat(n, ' ') from (select count(*) as n from x group by reason order by 1 desc))
        from r""",
    "Data is deleted when its time is over": f"""select
        (select sum(rows_deleted) from gone where purged_at is not null and rowid_ not in (select rowid_ from late)),
        (select sum(rows_deleted) from late),
        coalesce((select sum(rows_deleted) from gone where purged_at is null and rowid_ not in (select rowid_ from late)), 0),
        (select sum(rows_deleted) from late) || ' ' || (select printf('%.1f', max(disposed_at - first) / {DAY}.0) from late)
        || coalesce((select ' ' || sum(rows_deleted) from gone where purged_at is null), '')
        || coalesce((select ' ' || nullif(count(distinct record_id), 0) from d where decision = 'hold'), '')""",
    "People are answered within the time of the "
    "law": f"""select sum(responded_at is not null and not is_late),
        (select count(*) from {BROKEN}), (select count(*) from q where not over and request_id not in {BROKEN}), null from q""",
    "What is erased is gone everywhere": """select
        count(distinct request_id) filter (where request_id not in (select request_id from e where residual_hits > 0 or completed_at is null)),
        count(distinct request_id) filter (where residual_hits > 0),
        count(distinct request_id) filter (where completed_at is null and request_id not in (select request_id from e where residual_hits > 0)),
        trim(coalesce((select nullif(sum(hits), 0) || ' ' from (select max(residual_hits) as hits from e group by evidence_root_sha256)), '')
          || coalesce(nullif(sum(rows_retained), 0) || ' ', '')
          || coalesce(nullif(count(*) filter (where completed_at is null), 0), '')) from e""",
    "Time limits of the record of processing are "
    "kept": f"""select 0, count(distinct activity_id), 0, max(days) || ' ' || max(n) || ' ' || max(wait)
        || coalesce((select ' ' || sum(rows_deleted) from gone where purged_at is null), '')
        from (select l.activity_id, l.days, sum(rows_deleted) as n, printf('%.1f', max(disposed_at - first) / {DAY}.0) as wait
          from limits l join late on late.record_class = l.class and late.type_at_event = l.account_type group by 1, 2)""",
    "The authority is told of a breach within 72 "
    "hours": """select sum(state in ('on_time', 'not_notifiable')),
        sum(state in ('overdue', 'late_with_reasons', 'late_without_reasons')), sum(state in ('due', 'undecided')),
        sum(state = 'overdue') || ' ' || sum(state = 'late_without_reasons') || ' ' || sum(state = 'late_with_reasons') || ' '
        || sum(state in ('due', 'undecided')) from b""",
}

NOTES: dict[str, list[str]] = {
    "requests": [
        """select count(*) || ' requests of this period are tied to no account' from period
        where request_id not in (select request_id from belongs)"""
    ],
}
"""Footnotes with numbers of a report about chosen accounts."""
