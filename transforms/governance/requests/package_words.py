"""Words and style of a package's page."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--ink:#1c1f24;--soft:#565e6c;--line:#d8dce3;--paper:#fff;--card:#f5f7fa;--accent:#1f5fae;--mine:#e4eefb}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaee;--soft:#a7afbc;--line:#3a404a;--paper:#15181d;--card:#1e2229;--accent:#8ab8f2;--mine:#1d3149}}
*{box-sizing:border-box}html{scroll-padding-top:1rem}body{margin:0;background:var(--paper);color:var(--ink);font:17px/1.6 system-ui,sans-serif}
main{max-width:52rem;margin:0 auto;padding:2rem 1.25rem 4rem;overflow-wrap:anywhere}h1{font-size:2rem;line-height:1.2;margin:.5rem 0 1rem}
h2{margin:3rem 0 .75rem;font-size:1.4rem;line-height:1.3}h3{font-size:1.05rem;margin:1.25rem 0 .5rem}p,li{max-width:42rem}.soft{color:var(--soft)}
a{color:var(--accent)}ul.held{list-style:none;padding:0;margin:1rem 0}ul.held li{max-width:none;padding:.8rem 0;border-top:1px solid var(--line)}
ul.held li:last-child{border-bottom:1px solid var(--line)}ul.held b{font-size:1.1rem}ul.held span{display:block}
details{background:var(--card);border:1px solid var(--line);border-radius:.6rem;margin:.6rem 0;padding:.6rem 1rem}
summary{cursor:pointer;font-weight:600}summary small{font-weight:400;color:var(--soft)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
dl{margin:.75rem 0}dl>div{display:grid;grid-template-columns:16rem minmax(0,1fr);gap:0 1.25rem;padding:.35rem 0;border-bottom:1px solid var(--line)}
dl>div:last-child{border-bottom:0}dt{color:var(--soft)}dd{margin:0;white-space:pre-wrap}dl.facts dd+dd{grid-column:2}
ol.said{list-style:none;padding:0;margin:.5rem 0}ol.said li{padding:.4rem .75rem;margin:.35rem 0;border-radius:.5rem;border:1px solid var(--line)}
ol.said li.mine{background:var(--mine);border-color:transparent}ol.said b{display:block;font-size:.85rem;color:var(--soft);font-weight:600}
audio{display:block;width:100%;max-width:32rem;margin:.5rem 0}code{font-family:ui-monospace,monospace;font-size:.92em}
@media(max-width:40rem){body{font-size:16px}main{padding:1.25rem 1rem 3rem}dl>div{grid-template-columns:minmax(0,1fr)}dl.facts dd+dd{grid-column:1}}
@media print{:root{color-scheme:light;--ink:#000;--soft:#444;--line:#bbb;--paper:#fff;--card:#fff;--accent:#000;--mine:#eee}body{font-size:10.5pt}
main{max-width:none;padding:0}audio{display:none}details::details-content{content-visibility:visible;height:auto;display:block}h2,h3,summary{break-after:avoid}
ol.said li,dl>div{break-inside:avoid}@page{margin:18mm}}
"""
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; media-src 'self' file:; base-uri 'none'; "
    "form-action 'none'"
)
HELD = {
    "communication": (
        "conversation of yours",
        "conversations of yours",
        "What was said and written, when, and what we noted with it.",
    ),
    "staff": (
        "conversation",
        "conversations",
        "You took part as a member of staff. What is about our customers is left out.",
    ),
    "mentions": (
        "conversation of others",
        "conversations of others",
        "You are mentioned in it. We may only tell you that, and when it was.",
    ),
    "changes": ("change", "changes", "What was changed in records or settings that concern you."),
    "processing": (
        "redaction",
        "redactions",
        "What was taken out of your conversations when they were stored, and by which rule.",
    ),
}
"""What a section holds, in words: one, several, and what it is."""
SECTIONS = {
    "conversations": "your conversations",
    "staff_activity": "what you did as staff",
    "mentions": "conversations of others",
    "change_history": "changes",
    "redactions": "redactions",
    "recordings": "the recordings",
    "unreadable": "what could not be read when it came in",
    "inbox": "messages as they came in",
    "originals": "recordings as they came in",
}
QUESTIONS = {
    "purposes": "What we use it for",
    "lawful_basis": "Why we may",
    "source": "Where we have it from",
    "recipients": "Who receives it",
    "third_countries": "Countries outside the EEA or UK it goes to",
    "safeguards": "What protects it there",
    "retention": "How long we keep it",
    "automated_decisions": "Decisions made by machines alone",
}
PEOPLE = {
    "controller": "Who is responsible",
    "contact": "Where to write",
    "dpo": "Data protection officer",
    "authority": "Supervisory authority",
}
FACTS = frozenset(
    {"purposes", "source", "recipients", "third_countries", "automated_decisions", *PEOPLE}
    - {"dpo"}
)
"""What is asked about even where the company states nothing."""
NOT_STATED = "Not stated in this package. You can ask for it."
NAMES = {
    "direction": "Direction",
    "language": "Language",
    "duration": "Length",
    "extra": "Further fields",
    "tracking_number": "Number that was called",
    "tracking_label": "Label of that number",
    "source": "What led to it",
    "business_number": "Number that rang",
    "is_new_caller": "First contact",
    "status": "Status",
    "call_status": "Call status",
    "dial_status": "Dial status",
    "transfers": "Transfers",
    "legs": "Legs",
    "caller_number_split": "Your number in parts",
    "summary": "Summary",
    "tag_list": "Tags",
    "visitor_sid": "Your id",
    "web_source": "Web source",
    "medium": "Medium",
    "campaign": "Campaign",
    "keyword": "Keyword",
    "month": "Month",
    **dict.fromkeys(
        ("ad_group_id", "campaign_id", "creative_id", "ad_id", "adgroup_id", "keyword_id"), "Ad id"
    ),
}
"""Fields under plainer names than their declaration's."""
CUT = "{text}… (all of it is in the files)"
