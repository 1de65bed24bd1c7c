"""The one error that ends a run or refuses a request, with its category and words for its owner."""

from __future__ import annotations

from omtx_worker.protocol import Category


class Failure(Exception):  # noqa: N818 - it is what the run ended with, not a fault of the program
    """Why it cannot be done. `field` is the path of the input at fault, where one is."""

    def __init__(self, category: Category, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.category: Category = category
        self.code = code
        self.message = message
        self.field = field


def user_failure(code: str, message: str) -> Failure:
    """A fault of the input, which its owner can mend."""
    return Failure("user", code, message)


def system_failure(code: str, message: str) -> Failure:
    """A fault of ours, which its owner cannot mend."""
    return Failure("system", code, message)
