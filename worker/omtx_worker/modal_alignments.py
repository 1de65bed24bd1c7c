"""Taking turns at alignments among containers at Modal, which share a volume but no locks: one computes, others wait.

A run that would wait long ends as waiting instead: its GPU is worth more than its turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from omtx_worker import msa
from omtx_worker.modal_marks import Marks
from omtx_worker.protocol import RunRequest
from omtx_worker.runners import alignments
from omtx_worker.settings import MsaSettings

STALE_S = 1_800.0
"""After how long a turn is taken to be that of a run that is gone."""

_LOOK_EVERY_S = 1.0


@dataclass
class Turns:
    """The alignments that one call computes for everybody; `reload` and `commit` are those of the volume."""

    call_id: str
    marks: Marks
    settings: MsaSettings
    reload: Callable[[], None]
    commit: Callable[[], None]
    wait_s: float = 60.0
    _mine: list[str] = field(default_factory=list)

    def take(self, request: RunRequest, waits: Callable[[], None]) -> None:
        """Wait until each alignment that the run needs is there or is ours to compute; a `Failure` after a while.

        `waits` is called when a wait begins.
        """
        give_up_at = time.monotonic() + self.wait_s
        # In one order, so that no two runs wait for each other.
        for key in sorted(msa.key_of(sequences) for sequences in alignments.needed(request, self.settings)):
            told = False
            # Whether it is there is asked right after the volume was read: another run may have shown it meanwhile.
            while not self._is_kept(key) and not self._is_mine(key):
                if time.monotonic() > give_up_at:
                    raise msa.waiting_for_another()
                if not told:
                    told = True
                    waits()
                time.sleep(_LOOK_EVERY_S)
                self.reload()

    def show(self) -> None:
        """Let the others have what is computed by now."""
        if done := [key for key in self._mine if self._is_kept(key)]:
            self.commit()
            self._give_back(done)

    def give_back(self) -> None:
        """Leave what is not computed to others."""
        self._give_back(list(self._mine))

    def _is_kept(self, key: str) -> bool:
        return self.settings.cache_dir is not None and msa.kept_at(self.settings.cache_dir, key).exists()

    def _is_mine(self, key: str) -> bool:
        turn = {"call": self.call_id, "at": time.time()}
        if not self.marks.first("msa", key, turn):
            held = self.marks.get("msa", key)
            if held is not None and held["call"] != self.call_id and time.time() < held["at"] + STALE_S:
                return False
            self.marks.put("msa", key, turn)
        self._mine.append(key)
        return True

    def _give_back(self, keys: list[str]) -> None:
        for key in keys:
            self.marks.remove("msa", key)
            self._mine.remove(key)
