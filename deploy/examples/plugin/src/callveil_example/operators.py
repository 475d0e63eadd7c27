"""An operator that tells how long a value was, as `[PERSON:length:11]`."""

from typing import Any

from presidio_anonymizer.operators import Operator, OperatorType


class Length(Operator):  # type: ignore[misc]
    """The number of characters."""

    def operate(self, text: str, params: dict[str, Any] | None = None) -> str:
        """Return the code that callveil writes into the placeholder."""
        return str(len(text))

    def validate(self, params: dict[str, Any] | None = None) -> None:
        """There is nothing to validate."""

    def operator_name(self) -> str:
        """Return the name of the operator in a policy."""
        return "length"

    def operator_type(self) -> OperatorType:
        """Return the type of the operator: it anonymizes."""
        return OperatorType.Anonymize
