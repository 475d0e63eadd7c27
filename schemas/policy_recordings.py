"""The `recordings` section of a policy file."""

from __future__ import annotations

from typing import Any

import yaml

from callveil.schemas.policy_yaml import NodeReader, set_if_given
from callveil.schemas.recordings import CHANNELS, COVERS, ORIGINALS, VIDEO, WITHOUT_TRANSCRIPT

CHOICES = {
    "mode": COVERS,
    "channel": CHANNELS,
    "without_transcript": WITHOUT_TRANSCRIPT,
    "original": ORIGINALS,
    "video": VIDEO,
}
NUMBERS = {
    "padding_seconds": (0.0, 60.0),
    "wait_seconds": (0.0, 604_800.0),
    "settle_seconds": (0.0, 86_400.0),
}
"""Bounds, seconds; a week is longer than any platform takes to transcribe a call, a day than any
takes to write one down.
"""
SWITCHES = ("align", "keypad", "untranscribed")
RECORDINGS_KEYS = (*CHOICES, *NUMBERS, *SWITCHES)


def read_recordings(r: NodeReader, node: yaml.Node) -> dict[str, Any]:
    """Return what the section gives for `Recordings.layered`; what is wrong with it goes to the
    reader.
    """
    out: dict[str, Any] = {}
    for key, value in r.mapping(node, "recordings", RECORDINGS_KEYS).items():
        path = f"recordings.{key}"
        if key in CHOICES:
            set_if_given(out, key, r.choice(value, path, CHOICES[key]))
        elif key in NUMBERS:
            set_if_given(out, key, r.number(value, path, *NUMBERS[key]))
        else:
            set_if_given(out, key, r.boolean(value, path))
    return out
