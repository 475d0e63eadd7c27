"""The store as a pyiceberg catalog.

All tables of a store become live together: its pointer names the metadata file of each, and is
swapped in one step. This catalog reads them as the pointer has them, and collects commits beside
it; whoever commits swaps the pointer (`storage.commit.catalog`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn
from uuid import UUID

import pyarrow as pa
from pyiceberg.catalog import MetastoreCatalog, PropertiesUpdateSummary
from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError
from pyiceberg.io import FileIO, InputStream
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.serializers import FromInputFile
from pyiceberg.table import CommitTableResponse, Table
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER, SortOrder
from pyiceberg.table.update import TableRequirement, TableUpdate
from pyiceberg.typedef import EMPTY_DICT, Identifier, Properties

from callveil.transforms.storage.iceberg.commit_record import run_uuid
from callveil.transforms.storage.iceberg.table_schema import FORMAT_VERSION

NAMESPACE = "callveil"


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise NotImplementedError(
        "tables of a store are changed by callveil's commands alone, which redact, attest and purge"
    )


class StoreCatalog(MetastoreCatalog):
    """Tables of a store, namespace `callveil`.

    Args:
        location: absolute path or URL of the store.
        tables: metadata file of each table, below the store's root.
        io: reads and writes metadata; None: pyiceberg's own, which reads data as well.
        seq: number of the run that commits; part of the names it gives.

    Commits change `tables` alone; nobody else sees them.
    """

    def __init__(
        self, location: str, tables: Mapping[str, str], io: FileIO | None = None, seq: int = 0
    ) -> None:
        super().__init__("callveil", warehouse=location)
        self.location, self.tables, self._io, self._seq = location, dict(tables), io, seq

    def new_uuid(self) -> UUID:
        """Return a UUID (version 8, RFC 9562) that begins with the number of the run."""
        return run_uuid(self._seq)

    def metadata_location(self, name: str) -> str:
        """Return where the metadata of a table is; NoSuchTableError for one that is not there."""
        if name not in self.tables:
            raise NoSuchTableError(f"{name}: no such table; there are {', '.join(self.tables)}")
        return f"{self.location}/{self.tables[name]}"

    def open_file(self, path: str) -> InputStream:
        """Return a reader of a file below the store's root."""
        place = f"{self.location}/{path}"
        return self._load_file_io(location=place).new_input(place).open()

    def load_table(self, identifier: str | Identifier) -> Table:
        """Return a table as it stands."""
        name = self.identifier_to_tuple(identifier)[-1]
        place = self.metadata_location(name)
        io = self._load_file_io(location=place)
        return Table(
            (NAMESPACE, name), FromInputFile.table_metadata(io.new_input(place)), place, io, self
        )

    def commit_table(
        self,
        table: Table,
        requirements: tuple[TableRequirement, ...],
        updates: tuple[TableUpdate, ...],
    ) -> CommitTableResponse:
        """Write a table's next metadata and keep in mind where it is."""
        name = table.name()[-1]
        known = self.load_table(name) if name in self.tables else None
        staged = self._update_and_stage_table(known, table.name(), requirements, updates)
        version = self._parse_metadata_version(staged.metadata_location)
        path = f"{name}/metadata/{version:05d}-{self.new_uuid()}.metadata.json"
        place = f"{self.location}/{path}"
        self._write_metadata(staged.metadata, staged.io, place)
        self.tables[name] = path
        return CommitTableResponse.model_validate(
            {"metadata": staged.metadata, "metadata-location": place}
        )

    def convert_schema(self, schema: pa.Schema) -> Schema:
        """Return the Iceberg schema of Arrow columns, its field ids not yet given out."""
        return self._convert_schema_if_needed(schema, FORMAT_VERSION)

    def list_tables(self, namespace: str | Identifier) -> list[Identifier]:
        """Return identifiers of all tables."""
        self.load_namespace_properties(namespace)
        return [(NAMESPACE, name) for name in sorted(self.tables)]

    def list_namespaces(self, namespace: str | Identifier = ()) -> list[Identifier]:
        """Return the one namespace."""
        return [] if namespace else [(NAMESPACE,)]

    def load_namespace_properties(self, namespace: str | Identifier) -> Properties:
        """Return nothing, for the one namespace."""
        if self.identifier_to_tuple(namespace) != (NAMESPACE,):
            raise NoSuchNamespaceError(f"the namespace of a store's tables is {NAMESPACE}")
        return {}

    def list_views(self, namespace: str | Identifier) -> list[Identifier]:
        """Return nothing: a store has no views."""
        return []

    def view_exists(self, identifier: str | Identifier) -> bool:
        """Return False: a store has no views."""
        return False

    def create_table(
        self,
        identifier: str | Identifier,
        schema: Schema | pa.Schema,
        location: str | None = None,
        partition_spec: PartitionSpec = UNPARTITIONED_PARTITION_SPEC,
        sort_order: SortOrder = UNSORTED_SORT_ORDER,
        properties: Properties = EMPTY_DICT,
    ) -> Table:
        """Refuse: see `storage.iceberg.table_commit`, which fills a table as it makes it."""
        _refuse()

    def _load_file_io(
        self, properties: Properties = EMPTY_DICT, location: str | None = None
    ) -> FileIO:
        return self._io or super()._load_file_io(properties, location)

    def update_namespace_properties(
        self,
        namespace: str | Identifier,
        removals: set[str] | None = None,
        updates: Properties = EMPTY_DICT,
    ) -> PropertiesUpdateSummary:
        """Refuse."""
        _refuse()

    register_table = drop_table = rename_table = _refuse
    create_namespace = drop_namespace = _refuse
    load_view = register_view = drop_view = _refuse
