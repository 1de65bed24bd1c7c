"""`modal_with_boltz.py` with a server for alignments that is slow for as long as it is told to be.

While there is a file `busy` in the state folder it says of every question that it has too many of them, which runs are
patient with for a few seconds only; while there is a file `held` it finds the alignment but does not give it out.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import modal_with_boltz


class Slow(modal_with_boltz.Noting):
    """Looks for the files at each question."""

    def __init__(self, notes: Path) -> None:
        super().__init__(notes)
        self._folder = notes.parent

    def _ask(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        self.says = "RATELIMIT" if (self._folder / "busy").exists() else None
        return super()._ask(path, form)

    def _archive(self, ticket: str) -> bytes:
        while (self._folder / "held").exists():
            time.sleep(0.05)
        return super()._archive(ticket)


if __name__ == "__main__":
    os.environ["MSA_WAIT_S"] = "4"
    modal_with_boltz.main(Slow)
