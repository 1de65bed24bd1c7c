"""Runs of a runner without a gateway."""

from __future__ import annotations

from typing import Any

from omtx_worker.protocol import RunRequest


class Silent:
    """Reports that nobody reads; the stages are kept."""

    def __init__(self) -> None:
        self.stages: list[str] = []

    def stage(self, stage: str, fraction: float | None = None) -> None:
        """Keep it."""
        del fraction
        if not self.stages or self.stages[-1] != stage:
            self.stages.append(stage)

    def size(self, words: str) -> None:
        """Forget it."""


def request_of(
    model: str,
    task: str,
    given: dict[str, Any],
    parameters: dict[str, Any] | None = None,
    files: list[str] | None = None,
) -> RunRequest:
    """A request for a runner; addresses are never asked."""
    return RunRequest.model_validate(
        {
            "run_id": "job:1",
            "model": model,
            "task": task,
            "input": given,
            "parameters": parameters or {},
            "inputs": [{"name": name, "url": f"http://127.0.0.1:9/{name}"} for name in files or []],
            "deadline_s": 600,
        }
    )
