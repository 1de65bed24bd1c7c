"""Who does the runs, as the gateway sees them. There are two: processes of this machine, and functions at Modal.

One suite, `tests/test_executors.py`, says what both must do.
"""

from __future__ import annotations

from typing import Protocol

from omtx_worker.protocol import ModelsAnswer, Run, RunAccepted, RunRequest


class Full(Exception):  # noqa: N818 - not a fault: try again later
    """There is no room now, for the reason given in words."""


class OtherRequest(Exception):  # noqa: N818 - the fault is the caller's
    """The run id was accepted with another request."""


class Unreachable(Exception):  # noqa: N818 - not a fault of the request: ask again
    """The far side does not answer; what was asked may have been done, and asking again is safe."""


class Executor(Protocol):
    """Accepts, watches and ends runs. Every method may be called from many threads at once."""

    def start(self) -> None:
        """Take up what an earlier gateway left, and begin to work."""

    def stop(self) -> None:
        """Leave off; what cannot outlive the gateway is ended as lost."""

    def models(self) -> ModelsAnswer:
        """What can run here now."""

    def submit(self, request: RunRequest) -> tuple[RunAccepted, bool]:
        """Accept a run once; the first answer, and whether this call was the first. Raises what stands above."""

    def run(self, run_id: str) -> Run | None:
        """The run as it stands, none when it was never accepted."""

    def cancel(self, run_id: str) -> Run | None:
        """End the run, wait a moment for that, and say how it stands; one that has ended stays as it ended."""
