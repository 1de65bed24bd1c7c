"""GPU hours of each model and month: what runs have used, and what is left of a budget.

Runs write what they used as empty files named by it, `{year}-{month}/{model}/{run}.{number}~{seconds}`: many can write
at once, and a listing is the sum.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

CACHED_S = 300.0
"""How long a figure is given again before it is counted anew."""

_LOG = logging.getLogger(__name__)


class Ledger:
    """The files of used hours; `reload` brings in what others wrote, `commit` shows them what is written here."""

    def __init__(self, folder: Path, reload: Callable[[], None], commit: Callable[[], None]) -> None:
        self._folder = folder
        self._reload = reload
        self._commit = commit

    def record(self, model: str, run_id: str, began_at: float, ended_at: float) -> None:
        """Note what one try of a run used, in the month in which it began; times are in seconds since 1970."""
        folder = self._folder / _month(began_at) / model
        folder.mkdir(parents=True, exist_ok=True)
        seconds = max(0.0, ended_at - began_at)
        (folder / f"{run_id.replace(':', '.')}.{uuid.uuid4().hex[:8]}~{seconds:.1f}").touch()
        self._commit()

    def hours(self, model: str, now: float) -> float:
        """All that was used of the model in this month."""
        try:
            self._reload()
        except RuntimeError as error:
            _LOG.warning("what other machines wrote is not seen now: %s", error)
        folder = self._folder / _month(now) / model
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        return sum(float(name.rpartition("~")[2]) for name in names) / 3_600


class GpuHours:
    """What is left of each model's budget; a model without one has no limit."""

    def __init__(self, budgets: Mapping[str, float], ledger: Ledger, clock: Callable[[], float] = time.time) -> None:
        self._budgets = budgets
        self._ledger = ledger
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, float]] = {}

    def left(self, model: str) -> float | None:
        """Hours left this month, not below 0; none where there is no budget."""
        budget = self._budgets.get(model)
        if budget is None:
            return None
        with self._lock:
            now = self._clock()
            at, left = self._known.get(model, (None, 0.0))
            if at is None or now >= at + CACHED_S or _month(at) != _month(now):
                left = round(max(0.0, budget - self._ledger.hours(model, now)), 3)
                self._known[model] = (now, left)
            return left


def _month(at: float) -> str:
    return time.strftime("%Y-%m", time.gmtime(at))
