"""JSON Schema of a policy file, for editors that complete and check while one types.

It describes the form. What only shows in the whole (a language without a model, a deny text whose
type is kept) is left to `callveil policy check`, which also names line and column.
"""

from __future__ import annotations

from typing import Any

from callveil.schemas.operators import DEFAULT
from callveil.schemas.policy import VERSION, PolicyFile
from callveil.schemas.policy_settings import file_adapter, list_members
from callveil.schemas.rules import Rules


def policy_json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a policy file."""
    schema: dict[str, Any] = _untitled(file_adapter(PolicyFile).json_schema())
    for member in list_members(Rules):  # which an override may say, too
        schema["properties"][member.key] = {"$ref": f"#/$defs/Rules/properties/{member.key}"}
    for key in ("entities", "thresholds"):  # of whose types most have the same
        place = f"#/$defs/Rules/properties/{key}/properties/{DEFAULT}"
        _share(schema["$defs"]["Rules"]["properties"][key], {"$ref": place})
    schema["properties"]["version"] = {"const": VERSION}
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Policy"}
    return {**dialect, **schema}


def _share(table: dict[str, Any], ref: dict[str, str]) -> None:
    """Let values of a table whose schema is that of `default` refer to it."""
    usual = table["properties"][DEFAULT]
    for part in (table["properties"], table["patternProperties"]):
        part |= {k: ref for k, v in part.items() if v == usual and k != DEFAULT}


def _untitled(schema: Any) -> Any:
    """Return a schema without titles, which repeat the names of properties."""
    if isinstance(schema, list):
        return [_untitled(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {k: _untitled(v) for k, v in schema.items() if k not in ("title", "properties")}
    own = {name: _untitled(part) for name, part in schema.get("properties", {}).items()}
    return parts | ({"properties": own} if own else {})
