"""pyiceberg's view of files, through `Files`: one way to credentials, endpoints and durability."""

from __future__ import annotations

import hashlib
import io
import threading
from typing import Any, cast

from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile, OutputStream

from callveil.transforms.storage.files.filesystem import Files


class StoreInput(InputFile):
    """A metadata file of a table, to read."""

    def __init__(self, files: Files, location: str) -> None:
        super().__init__(location)
        self._files = files

    def __len__(self) -> int:
        info = self._files.info(self.location)
        if info is None:
            raise FileNotFoundError(self.location)
        return info.size

    def exists(self) -> bool:
        """Tell whether the file is there."""
        return self._files.info(self.location) is not None

    def open(self, seekable: bool = True) -> InputStream:
        """Return a reader of its content."""
        return cast(InputStream, self._files.open(self.location))


class _Sink(io.BytesIO):
    """Collects a metadata file and writes it when it is closed, in one durable step."""

    def __init__(self, owner: FilesIO, location: str) -> None:
        super().__init__()
        self._owner, self._location = owner, location

    def close(self) -> None:
        if not self.closed:
            self._owner.write_file(self._location, self.getvalue())
        super().close()

    def __exit__(self, *error: Any) -> None:
        if error[0] is not None:  # nothing half-written gets a name
            super().close()
        super().__exit__(*error)


class StoreOutput(OutputFile):
    """A metadata file of a table, to write."""

    def __init__(self, owner: FilesIO, location: str) -> None:
        super().__init__(location)
        self._owner = owner

    def __len__(self) -> int:
        return len(self.to_input_file())

    def exists(self) -> bool:
        """Tell whether the file is there."""
        return self.to_input_file().exists()

    def to_input_file(self) -> InputFile:
        """Return the same file, to read."""
        return self._owner.new_input(self.location)

    def create(self, overwrite: bool = False) -> OutputStream:
        """Return what collects its content; the file is there once that is closed."""
        return cast(OutputStream, _Sink(self._owner, self.location))


class FilesIO(FileIO):
    """Metadata files of tables, read and written through `Files`.

    Args:
        moved: where files are said to be, and where they are: prefixes of locations; for a store
            that was copied or moved, since Iceberg's metadata hold absolute locations.

    Attributes:
        written: SHA-256 (hex) of every file that was written, by location.
    """

    def __init__(self, files: Files, moved: tuple[str, str] = ("", "")) -> None:
        super().__init__({})
        self._files, self._moved = files, moved
        self.written: dict[str, str] = {}
        self._turn, self._stopped = threading.Lock(), False

    def write_file(self, location: str, data: bytes) -> None:
        """Write a file durably and note its digest."""
        with self._turn:
            if self._stopped:
                raise RuntimeError("the commit failed; nothing is written any more")
            self._files.write(location, data)
            self.written[location] = hashlib.sha256(data).hexdigest()

    def __enter__(self) -> FilesIO:
        return self

    def __exit__(self, *error: object) -> None:
        """Stop: pyiceberg writes manifests in threads, which may be at it after one has failed.
        What was written for a commit that failed is purged.
        """
        with self._turn:
            self._stopped = True
        if isinstance(error[1], Exception):
            for place in self.written:
                self._files.purge(place)

    def new_input(self, location: str) -> InputFile:
        """Return a file to read."""
        said, here = self._moved
        if said and location.startswith(f"{said}/"):
            location = f"{here}{location[len(said) :]}"
        return StoreInput(self._files, location)

    def new_output(self, location: str) -> OutputFile:
        """Return a file to write."""
        return StoreOutput(self, location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Purge a file, every version of it."""
        place = location if isinstance(location, str) else location.location
        self._files.purge(place)
        self.written.pop(place, None)
