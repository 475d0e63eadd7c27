"""A naive world of objects whose every state is written down as it happens, told as version logs in
both shapes. Everything is generated.
"""

from __future__ import annotations

import copy
import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

T0 = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
FIELDS = ("color", "size", "mode", "limit")
VALUES = st.sampled_from([None, "red", "blue", "", 7, 40, True, False, ["a"], {"b": 1}])


@dataclass
class Told:
    """One version with the truth around it: states before and after (None where the object does not
    exist).
    """

    number: int
    event: str
    when: dt.datetime
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    def native(self, account: str, item: tuple[str, str]) -> dict[str, Any]:
        """The version in the native shape."""
        old, new = self.before or {}, self.after or {}
        changes = [
            {"field": f, "before": old.get(f), "after": new.get(f)}
            for f in FIELDS
            if old.get(f) != new.get(f) or type(old.get(f)) is not type(new.get(f))
        ]
        return self._head(account, item) | {"version_number": self.number, "changes": changes}

    def paper_trail(self, account: str, item: tuple[str, str], diffs: bool) -> dict[str, Any]:
        """The version as a row of paper_trail: the whole object before it, and its changes where
        `diffs`.
        """
        row = self._head(account, item) | {"whodunnit": "3"}
        if self.before is not None:
            row["object"] = {f: self.before.get(f) for f in FIELDS}
        if diffs:
            old, new = self.before or {}, self.after or {}
            row["object_changes"] = {
                f: [old.get(f), new.get(f)] for f in FIELDS if old.get(f) != new.get(f)
            }
        return row

    def _head(self, account: str, item: tuple[str, str]) -> dict[str, Any]:
        return {
            "id": str(1000 * int(item[1]) + self.number),
            "account_id": account,
            "item_type": item[0],
            "item_id": item[1],
            "event": self.event,
            "created_at": self.when.isoformat(),
        }


@dataclass
class Life:
    """One object's whole life."""

    item: tuple[str, str]
    versions: list[Told] = field(default_factory=list)

    def at(self, when: dt.datetime) -> dict[str, Any] | None:
        """The naive replay: the state after the last version by then, found by walking through all
        of them.
        """
        state = None
        for told in self.versions:
            if told.when <= when:
                state = told.after
        return None if state is None else {f: v for f, v in state.items() if v is not None}


@st.composite
def lives(draw: st.DrawFn, number: int = 1, most: int = 7) -> Life:
    """A life: created, changed, destroyed, made again, at times that may be the same."""
    life = Life(("Widget", str(number)))
    state: dict[str, Any] | None = None
    when = T0
    for n in range(1, draw(st.integers(1, most)) + 1):
        when += dt.timedelta(seconds=draw(st.sampled_from([1, 60, 86_400, 200_000])))
        before = copy.deepcopy(state)
        if state is None:
            event, state = "create", {f: draw(VALUES) for f in FIELDS}
        elif draw(st.integers(0, 5)) == 0:
            event, state = "destroy", None
        else:
            event, state = (
                "update",
                {
                    **state,
                    **draw(
                        st.dictionaries(st.sampled_from(FIELDS), VALUES, min_size=1, max_size=3)
                    ),
                },
            )
        life.versions.append(Told(n, event, when, before, copy.deepcopy(state)))
    return life
