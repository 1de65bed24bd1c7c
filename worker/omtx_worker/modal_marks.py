"""What gateways and runs at Modal tell each other, in one `modal.Dict`. Its entries go after 7 days without a read.

| entry | written by | holds |
|---|---|---|
| `claim` | gateway, create-only | the first answer, the fingerprint of the request, and the order to be done |
| `spawned` | gateway, create-only | the function call that was made for the claim |
| `started` | run, create-only | the function call that does the run, so that one at most does it |
| `progress` | run | stage, fraction, size of the input in words, tail of the log |
| `ended` | run, create-only | how it ended, and when |
| `cancel` | gateway | there since somebody asked for the end |
| `msa` | run | by the key of an alignment instead of a run: the function call that computes it, and since when |
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

Kind = Literal["claim", "spawned", "started", "progress", "ended", "cancel", "msa"]


class Entries(Protocol):
    """The part of `modal.Dict` that is used; a put with `skip_if_exists` says whether it was the first."""

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - whatever was put
        """The value of a key."""

    def put(self, key: str, value: Any, *, skip_if_exists: bool = False) -> bool:  # noqa: ANN401 - anything
        """Set the value of a key; whether it was set."""

    def pop(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - whatever was put
        """Remove a key; its value."""


class Marks:
    """The entries of runs, by their kind."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries

    def get(self, kind: Kind, run_id: str) -> Any:  # noqa: ANN401 - the table above says what
        """The entry, none when there is none."""
        return self._entries.get(f"{kind}/{run_id}", None)

    def put(self, kind: Kind, run_id: str, value: Any) -> None:  # noqa: ANN401
        """Write the entry over what is there."""
        self._entries.put(f"{kind}/{run_id}", value)

    def first(self, kind: Kind, run_id: str, value: Any) -> bool:  # noqa: ANN401
        """Write the entry unless there is one; whether it was written."""
        return self._entries.put(f"{kind}/{run_id}", value, skip_if_exists=True)

    def remove(self, kind: Kind, run_id: str) -> None:
        """Remove the entry."""
        self._entries.pop(f"{kind}/{run_id}", None)
