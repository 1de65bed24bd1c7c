"""What the inputs of several models have in common: names, ranges, and refusals that name the field at fault."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import AfterValidator, Field, ValidationError

from omtx_worker.failure import Failure
from omtx_worker.protocol import RunRequest, Shape

_S = TypeVar("_S", bound=Shape)


class Range(NamedTuple):
    """A whole number's limits and what stands when it is not given."""

    least: int
    most: int
    default: int

    def declaration(self) -> dict[str, int]:
        """As it stands in a model's limits."""
        return {"min": self.least, "max": self.most, "default": self.default}

    def field(self) -> Any:  # noqa: ANN401 - what pydantic calls a field
        """A strict whole number within the limits."""
        return Field(default=self.default, ge=self.least, le=self.most, strict=True)


def _printable(name: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise ValueError("a name must not have control characters")
    return name


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)]
ChainName = Annotated[str, Field(min_length=1, max_length=8)]


def validated(shape: type[_S], values: dict[str, Any], where: str) -> _S:
    """The values in their shape; a `Failure` that names the first field at fault."""
    try:
        return shape.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in (where, *first["loc"]))
        raise Failure("user", "invalid", first["msg"].removeprefix("Value error, "), field) from None


def check_file(asked: RunRequest, name: str, field: str, what: str) -> None:
    """Refuse a file that the input names and the request does not bring."""
    if name not in {file.name for file in asked.inputs}:
        raise Failure("user", "invalid", f"{what} is not among the inputs", field)
