"""An arrival: word that an object, a recording or a file of interactions, lies ready to be read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arrival:
    """One object as a source tells of it.

    Attributes:
        url: path or `s3://` URL.
        etag: which content of it; another one under the same name is another arrival.
        size: bytes.
        landed_at: when it was there, seconds since 1970, as the source says.
    """

    url: str
    etag: str
    size: int
    landed_at: float

    @property
    def object_id(self) -> str:
        """Digest of URL and etag: the same however often, and whichever way, word of the object
        comes.
        """
        return hashlib.sha256(f"{self.url}\0{self.etag}".encode()).hexdigest()[:32]
