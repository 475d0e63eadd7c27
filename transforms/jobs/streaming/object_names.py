"""Classification of objects by name: a recording and its interaction, or an interaction file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from callveil.schemas.errors import UserError
from callveil.schemas.interaction import InteractionKey

AUDIO = (
    ".wav",
    ".wave",
    ".mp3",
    ".ogg",
    ".oga",
    ".opus",
    ".flac",
    ".m4a",
    ".mp4",
    ".aac",
    ".ulaw",
    ".alaw",
    ".gsm",
    ".amr",
    ".webm",
    ".wma",
    ".aif",
    ".aiff",
    ".aifc",
    ".au",
    ".awb",
    ".caf",
    ".w64",
    ".m4b",
    ".mkv",
    ".mka",
    ".mov",
    ".3gp",
    ".avi",
    ".asf",
    ".wmv",
    ".flv",
    ".mp2",
    ".mpg",
    ".ts",
    ".ac3",
    ".dss",
    ".qcp",
    ".voc",
    ".sph",
    ".wv",
    ".tta",
    ".ape",
    ".amrwb",
    ".snd",
)
"""Suffixes that say recording. Some of them cannot be redacted; they are taken in all the same, so
that each gets its reason.
"""

DEFAULT_NAME = "{account_id}/{id}"
_BESIDE = re.compile(
    r"\.(?:[a-z]{2}(?:[-_][a-z]{2,4})?|transcript|transcription|captions?|subtitles?)"
)
"""What stands between a recording's name and its transcript's suffix."""
_PLACE = re.compile(r"\{(account_id|id)\}|\*")

Sort = Literal["recording", "records"]


class NamingError(UserError, ValueError):
    """A name pattern cannot be used; the text says why."""


@dataclass(frozen=True)
class RecordingNaming:
    """How recordings are named.

    Attributes:
        pattern: end of a recording's path without its suffix, with `{account_id}` and `{id}` for
            the interaction's key and `*` for anything but a slash; `{account_id}/{id}` unless the
            user says otherwise.
    """

    pattern: str = DEFAULT_NAME

    def __post_init__(self) -> None:
        for name in ("{account_id}", "{id}"):
            if self.pattern.count(name) != 1:
                raise NamingError(f"{self.pattern!r}: needs {name} once, as in {DEFAULT_NAME}")
        if re.search(r"\}\{|\}\*|\*\{|\*\*", self.pattern):
            raise NamingError(
                f"{self.pattern!r}: two places stand side by side, so that nothing says where one "
                "ends; put a sign between them"
            )

    def regex(self) -> re.Pattern[str]:
        """Match the whole path of a recording, suffix taken off."""
        out, at = [], 0
        for match in _PLACE.finditer(self.pattern):
            out += [
                re.escape(self.pattern[at : match.start()]),
                f"(?P<{match[1]}>[^/]+?)" if match[1] else "[^/]*",
            ]
            at = match.end()
        return re.compile("(?:.*/)?" + "".join(out) + re.escape(self.pattern[at:]))

    def key_of(self, url: str) -> InteractionKey | None:
        """Return the interaction a recording belongs to, or None where its name does not say."""
        path = (
            url.partition("://")[2].partition("/")[2] if "://" in url else url
        )  # a bucket is no account
        found = self.regex().fullmatch(path[: -len(suffix_of(path))] if suffix_of(path) else path)
        return InteractionKey(found["account_id"], found["id"]) if found else None

    def key_beside(self, url: str) -> InteractionKey | None:
        """Return the interaction a transcript's file belongs to: `1.vtt`, `1.en.vtt`,
        `1.transcript.json` and `1.wav.json` lie beside `1.wav`.
        """
        stem = url[: -len(suffix_of(url)) or None]
        inner = suffix_of(stem).lower()
        return self.key_of(
            stem
            if inner in AUDIO
            else f"{stem[: -len(inner)]}.wav"
            if _BESIDE.fullmatch(inner)
            else url
        )


def suffix_of(url: str) -> str:
    """Return the suffix of the name, with its dot, as it is written; empty where there is none."""
    name = url.rpartition("/")[2]
    stem, dot, suffix = name.rpartition(".")
    return dot + suffix if stem and dot else ""


def object_kind(url: str) -> Sort:
    """Return what an object is by its name: a recording, or what is looked into for records."""
    return "recording" if url.lower().endswith(AUDIO) else "records"
