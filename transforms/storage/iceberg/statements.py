"""Statements by which other engines read a table of the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from callveil.transforms.storage.files.urls import is_s3

ICEBERG_SPARK = "org.apache.iceberg:iceberg-spark-runtime-3.5_2.12:1.10.0"


def _duckdb(location: str, name: str, _: str) -> str:
    secret = "CREATE SECRET (TYPE s3, PROVIDER credential_chain);\n" if is_s3(location) else ""
    return (
        f"INSTALL iceberg; LOAD iceberg;\n{secret}"
        f"FROM iceberg_scan('{_sql(location)}/{name}') LIMIT 10;"
    )


def _spark(location: str, name: str, _: str) -> str:
    place = f"s3a{location[2:]}" if is_s3(location) else location
    return (
        f"# pyspark --packages {ICEBERG_SPARK}\n"
        f'spark.read.format("iceberg").load("{_python(place)}/{name}").show(10)'
    )


def _trino(location: str, name: str, metadata: str) -> str:
    return (
        "-- iceberg.register-table-procedure.enabled=true; again after a run, to see it\n"
        f"CALL iceberg.system.unregister_table('callveil', '{name}'); -- from the second time on\n"
        "CALL iceberg.system.register_table(schema_name => 'callveil', "
        f"table_name => '{name}', table_location => '{_sql(location)}/{name}', "
        f"metadata_file_name => '{metadata.rpartition('/')[2]}');\n"
        f"SELECT * FROM iceberg.callveil.{name} LIMIT 10;"
    )


def _athena(location: str, name: str, metadata: str) -> str:
    return (
        "# Athena reads what is registered in Glue: pip install 'pyiceberg[glue]'; again after a "
        "run\nfrom pyiceberg.catalog import load_catalog\n"
        'load_catalog("glue", type="glue").register_table(\n'
        f'    "callveil.{name}", "{_python(location)}/{metadata}", overwrite=True)\n'
        f"# in Athena: callveil.{name}"
    )


def _pyiceberg(location: str, name: str, _: str) -> str:
    return (
        "from pyiceberg.table import StaticTable\n"
        f'StaticTable.from_metadata("{_python(location)}/{name}").scan(limit=10).to_arrow()'
    )


def _pandas(location: str, name: str, _: str) -> str:
    return (
        "from pyiceberg.table import StaticTable\n"
        f'StaticTable.from_metadata("{_python(location)}/{name}").scan(limit=10).to_pandas()'
    )


def _polars(location: str, name: str, metadata: str) -> str:
    return (
        f'import polars\npolars.scan_iceberg("{_python(location)}/{metadata}").head(10).collect()'
    )


ENGINES: Mapping[str, Callable[[str, str, str], str]] = {
    "duckdb": _duckdb,
    "spark": _spark,
    "trino": _trino,
    "athena": _athena,
    "pyiceberg": _pyiceberg,
    "pandas": _pandas,
    "polars": _polars,
}
"""Makers of statements, by engine; each gets the store's absolute location, the table's name, and
its metadata file below the location.
"""


def _sql(text: str) -> str:
    return text.replace("'", "''")


def _python(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
