"""Values of versions in any encoding, in lists of digits, and in scripts nobody reads."""

from __future__ import annotations

from typing import Any

import pytest
from support.history_runs import Redact, version


@pytest.mark.parametrize(
    "written",
    [
        "bob＠example.org",
        "alice@\u200bexample.com",
        "jane_doe(at)example(dot)com",
        "jane.doe [at] example [dot] com",
        "jane&#64;example&#46;com",
        "jane%40example.com",
        '"jane doe"@example.com',
    ],
)
def test_an_address_goes_whole_and_nothing_else(redact_version: Redact, written: str) -> None:
    text = f"½ – write to {written}, “please”…"
    _, after = redact_version.change("Source", "comment", None, {"said": [text, "Ünïcode ＯＫ"]})
    assert after == {"said": ["½ – write to [EMAIL_ADDRESS], “please”…", "Ünïcode ＯＫ"]}


@pytest.mark.parametrize("digits", [[4, 1, 5, 5, 5, 5, 0, 1, 4, 2], list("4539910317764670")])
def test_a_number_in_a_list_goes_whole(redact_version: Redact, digits: list[Any]) -> None:
    value = {"digits": digits, "few": [5, 3], "count": 4}
    _, after = redact_version.change("Source", "keyed", None, value)
    assert all(str(item).startswith("[") for item in after["digits"])
    assert (after["few"], after["count"]) == ([5, 3], 4)


def test_a_script_nobody_reads(redact_version: Redact) -> None:
    changes = {"comment": [None, "Меня зовут Мария Кузнецова"], "title": [None, "opening hours"]}
    found = redact_version(version(item_type="Source", changes=changes))
    assert [change["after"] for change in found.record["changes"]] == [
        "[REDACTED]",
        "opening hours",
    ]
