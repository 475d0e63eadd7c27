"""Recordings: one row per redacted or rejected recording that arrived, without anything that was
said.
"""

from __future__ import annotations

from callveil.schemas.fields import Boolean, Field, Integer, ListOf, Number, Text, Timestamp

_T, _I, _N, _S, _B = Text(), Integer(), Number(), Timestamp(), Boolean()

FIELDS: tuple[Field, ...] = tuple(
    Field(name, kind, doc, personal=False)
    for name, kind, doc in (
        ("account_id", _T, "account"),
        ("interaction_id", _T, "interaction"),
        ("status", _T, "done, rejected or erased"),
        ("reason", _T, "why it was rejected, or covered whole"),
        ("detail", _T, "one sentence on a rejection, that quotes nothing"),
        ("landed_at", _S, "when the original landed, UTC"),
        ("path", _T, "the redacted recording, below the store's root"),
        ("sha256", _T, "of the redacted recording"),
        ("bytes", _I, "its size"),
        ("container", _T, "FFmpeg's name of the container, by content"),
        ("codec", _T, "codec of the original, by content"),
        ("written", _T, "codec of the redacted recording"),
        ("written_container", _T, "FFmpeg's name of its container"),
        (
            "video",
            _T,
            "what became of moving pictures: dropped or copied; empty where there were none",
        ),
        ("rate", _I, "samples per second"),
        ("channels", _I, "number of channels"),
        ("seconds", _N, "length"),
        ("covered_seconds", ListOf(_N), "covered seconds by channel"),
        ("spans", _I, "stretches that were to be covered"),
        ("keyed", _I, "stretches of keypad tones that were found and covered"),
        ("transcript", _B, "a transcript said what to cover; else all of it was covered"),
        (
            "times",
            _T,
            "how its times fit what is heard: fits, swapped, shifted, unclear (every channel is "
            "covered), refused or untimed",
        ),
        (
            "heard_on",
            _T,
            "where its parties are heard: own, the channel expected; swapped, the other; all, any "
            "of them",
        ),
        ("shift_seconds", _N, "by how much its times were moved"),
        ("likeness", _N, "correlation of its times with what is heard, at most 1"),
        (
            "untranscribed_seconds",
            _N,
            "covered because somebody is heard there and the transcript says nothing",
        ),
        (
            "withheld",
            _T,
            "what was taken out of the transcript before it came, by kind; covered as well",
        ),
        ("residue_dbfs", _N, "loudest sound left in what was covered, beside what was put there"),
        (
            "overheard",
            _I,
            "stretches that a recogniser still heard in the result, all covered then; none where "
            "none has listened",
        ),
        (
            "changed_db",
            _N,
            "by how much the level of what was not covered differs from the original at most",
        ),
        ("cut", _B, "the original ended before the length it declares"),
        ("original", _T, "what became of the original: keep, seal or delete"),
        ("record_status", _T, "status of the interaction's record; empty where none came"),
        ("findings", _I, "findings in that record"),
        ("policy_sha256", _T, "policy that decided"),
        ("run_id", _T, "digest of what it was made from"),
    )
)
