"""Runs as child processes of this machine: a queue, a number of slots, deadlines, and what the kernel did to them.

Each run is a process in a session of its own that holds nothing of the gateway's, so it goes on when the gateway is
killed; the next gateway finds it by its folder. What a run computes is not known here.
"""

from __future__ import annotations

import fcntl
import logging
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from omtx_worker import processes
from omtx_worker.callback import call_back
from omtx_worker.executor import Full, OtherRequest
from omtx_worker.failure import Failure, system_failure
from omtx_worker.models import local_models
from omtx_worker.protocol import ModelsAnswer, Run, RunAccepted, RunRequest
from omtx_worker.run_folder import (
    TAKEN_BY_ANOTHER,
    UPLOAD_GRACE_S,
    RunFolder,
    Started,
    cancelled_on_request,
    fingerprint,
)
from omtx_worker.settings import Settings, environment_of_run

KEPT_S = 7 * 24 * 3_600
"""How long an ended run's files are kept."""

_LOG = logging.getLogger(__name__)
_TICK_S = 0.1
_TERM_GRACE_S = 3.0
_CANCEL_WAIT_S = 5.0
_SWEEP_EVERY_S = 600.0
_LOCK_WAIT_S = 5.0


@dataclass
class _Active:
    """A process that is running, child of ours or adopted. `reason` is why we are ending it, if we are."""

    folder: RunFolder
    started: Started
    child: subprocess.Popen[bytes] | None
    deadline_s: float
    oom_kills_before: int = field(default_factory=processes.out_of_memory_kills)
    term_at: float | None = None
    reason: Failure | None = None


class LocalExecutor:
    """Accepts, starts, watches and ends runs. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._runs = settings.state_dir / "runs"
        self._waiting: list[RunFolder] = []
        self._active: dict[str, _Active] = {}
        self._lock = threading.Condition()
        self._stopping = False
        self._callbacks: queue.SimpleQueue[RunFolder | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=target, name=name, daemon=True)
            for name, target in (("supervise", self._supervise), ("callbacks", self._send_callbacks))
        ]
        self._next_sweep = 0.0

    def start(self) -> None:
        """Take up the runs that the state folder tells of, and begin to work."""
        self._runs.mkdir(parents=True, exist_ok=True)
        self._lock_state()
        for half_made in self._runs.glob(".new-*"):
            shutil.rmtree(half_made)
        folders = [RunFolder(path) for path in self._runs.iterdir()]
        unfinished = [one for one in folders if one.exists() and not one.ended()]
        for folder in sorted(unfinished, key=RunFolder.accepted_at_ns):
            self._take_up(folder)
        for thread in self._threads:
            thread.start()

    def _lock_state(self) -> None:
        """Wait for another gateway on the same folder to end; the kernel frees the lock of one that was killed."""
        self._state_lock = (self._settings.state_dir / "lock").open("w")
        give_up_at = time.monotonic() + _LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(self._state_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > give_up_at:
                    raise RuntimeError(f"another gateway works in {self._settings.state_dir}") from None
            time.sleep(_TICK_S)

    def stop(self) -> None:
        """End every process; their runs are lost, to be tried again. Waiting ones wait for the next gateway."""
        with self._lock:
            self._stopping = True
            for active in self._active.values():
                self._end(active, _lost("the gateway was stopped while the run was going on"))
            self._lock.wait_for(lambda: not self._active, timeout=_TERM_GRACE_S + 2)
        self._callbacks.put(None)
        for thread in self._threads:
            thread.join(timeout=_TERM_GRACE_S)
        self._state_lock.close()

    def models(self) -> ModelsAnswer:
        """What a machine without a GPU can do."""
        return local_models(self._settings.slots, self._settings.queue)

    def submit(self, request: RunRequest) -> tuple[RunAccepted, bool]:
        """Accept a run once; the first answer, and whether this call was the first."""
        with self._lock:
            folder = RunFolder.of(self._runs, request.run_id)
            if not folder.exists():
                if self._stopping or len(self._waiting) >= self._free_slots() + self._settings.queue:
                    raise Full("all slots and places in the queue are taken")
                if claimed := RunFolder.claim(self._runs, request):
                    self._waiting.append(claimed)
                    self._lock.notify_all()
                    return claimed.accepted(), True
            if folder.fingerprint() != fingerprint(request):
                raise OtherRequest
            return folder.accepted(), False

    def run(self, run_id: str) -> Run | None:
        """The run as it stands, none when it was never accepted."""
        folder = RunFolder.of(self._runs, run_id)
        return folder.run() if folder.exists() else None

    def cancel(self, run_id: str) -> Run | None:
        """End the run, wait a moment for that, and say how it stands."""
        folder = RunFolder.of(self._runs, run_id)
        if not folder.exists():
            return None
        with self._lock:
            if not folder.ended():
                folder.mark("cancel")
                self._lock.notify_all()
                self._lock.wait_for(folder.ended, timeout=_CANCEL_WAIT_S)
        return folder.run()

    def _free_slots(self) -> int:
        return max(0, self._settings.slots - len(self._active))

    def _take_up(self, folder: RunFolder) -> None:
        started = folder.started()
        if started is None:
            self._waiting.append(folder)
        elif processes.is_alive(started.pid, started.ticks):
            _LOG.info("run %s goes on as process %d", folder.path.name, started.pid)
            self._active[folder.path.name] = _Active(folder, started, None, folder.request().deadline_s)
        else:
            processes.signal_session(started.pid, started.ticks, signal.SIGKILL)
            self._finish(folder, _lost("the run's process ended while no gateway was watching"))

    def _supervise(self) -> None:
        while True:
            with self._lock:
                self._guarded(self._tick)
                self._lock.notify_all()
                if self._stopping and not self._active:
                    return
                self._lock.wait(_TICK_S if self._active or self._waiting else 1.0)

    def _guarded(self, step: Callable[[], None]) -> None:
        """A fault with one run's files must not end the watch over the others."""
        try:
            step()
        except Exception:  # noqa: BLE001 - the boundary of the supervising thread
            _LOG.exception("supervision stumbled")

    def _tick(self) -> None:
        for name, active in list(self._active.items()):
            self._guarded(partial(self._watch, name, active))
        for folder in [one for one in self._waiting if one.marked("cancel")]:
            self._waiting.remove(folder)
            self._cancel_waiting(folder)
        while self._waiting and self._free_slots() and not self._stopping:
            self._launch(self._waiting.pop(0))
        if time.monotonic() > self._next_sweep:
            self._next_sweep = time.monotonic() + _SWEEP_EVERY_S
            self._sweep()

    def _cancel_waiting(self, folder: RunFolder) -> None:
        self._finish(folder, cancelled_on_request())
        # A gateway that was killed may have left a process that began the run just now: it sees the end, or is seen.
        if started := folder.started():
            processes.signal_session(started.pid, started.ticks, signal.SIGKILL)

    def _watch(self, name: str, active: _Active) -> None:
        if not self._has_ended(active):
            self._check_limits(active)
        elif self._active[name] is active:
            del self._active[name]

    def _launch(self, folder: RunFolder) -> None:
        try:
            child = self._spawn(folder)
        except OSError as error:
            self._finish(
                folder, Failure("transient", "not_started", f"the run's process could not be started: {error}")
            )
            return
        started = Started(child.pid, processes.start_ticks(child.pid) or 0, time.time())
        self._active[folder.path.name] = _Active(folder, started, child, folder.request().deadline_s)

    def _spawn(self, folder: RunFolder) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "omtx_worker.run", str(folder.path)]
        with folder.log.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=Path(__file__).parent.parent,
                env=environment_of_run(self._settings.secret),
                start_new_session=True,
            )

    def _check_limits(self, active: _Active) -> None:
        now = time.time()
        if active.term_at is not None:
            if now > active.term_at + _TERM_GRACE_S:
                processes.signal_session(active.started.pid, active.started.ticks, signal.SIGKILL)
        elif active.folder.ended():
            return
        elif active.folder.marked("cancel"):
            self._end(active, cancelled_on_request())
        else:
            grace_s = UPLOAD_GRACE_S if active.folder.marked("computed") else 0
            if now > active.started.at + active.deadline_s + grace_s:
                self._end(active, system_failure("deadline", f"took longer than {_duration(active.deadline_s)}"))

    def _end(self, active: _Active, reason: Failure) -> None:
        if active.term_at is None:
            active.reason = reason
            active.term_at = time.time()
            processes.signal_session(active.started.pid, active.started.ticks, signal.SIGTERM)

    def _has_ended(self, active: _Active) -> bool:
        """Whether the process is gone; if so, nothing of it is left and how it ended is written."""
        status: int | None = None
        if active.child is not None:
            # Known already when the end could not be written the last time.
            status = active.child.returncode
            if status is None and (status := processes.exit_status(active.child.pid)) is None:
                return False
        elif processes.is_alive(active.started.pid, active.started.ticks):
            return False
        processes.signal_session(active.started.pid, active.started.ticks, signal.SIGKILL)
        if active.child is not None:
            active.child.wait()
        if status == TAKEN_BY_ANOTHER:
            # Started by a gateway that was killed before it could know: the other process does the run.
            self._take_up(active.folder)
        elif not active.folder.ended():
            self._finish(active.folder, active.reason or _why_dead(active, status))
        return True

    def _finish(self, folder: RunFolder, reason: Failure) -> None:
        if folder.fail(reason):
            _LOG.info("run %s: %s (%s)", folder.path.name, reason.code, reason.message)
            self._callbacks.put(folder)

    def _send_callbacks(self) -> None:
        while folder := self._callbacks.get():
            url = folder.request().callback
            if url and not folder.marked("watched"):
                call_back(url, self._settings.secret, folder.run())

    def _sweep(self) -> None:
        """Remove the files of runs that ended long ago."""
        for path in self._runs.iterdir():
            folder = RunFolder(path)
            ended_at = None if folder.marked("expired") or not folder.exists() else folder.ended_at()
            if ended_at is not None and time.time() > ended_at + KEPT_S:
                folder.expire()


def _why_dead(active: _Active, status: int | None) -> Failure:
    """Words for a process that ended without a result; the status is known of children only."""
    if status is None:
        return _lost("the run's process ended while the gateway that started it was not there to see how")
    if status < 0:
        out_of_memory = processes.out_of_memory_kills() > active.oom_kills_before
        return processes.killed(-status, active.folder.size(), out_of_memory=out_of_memory)
    return system_failure("crashed", f"the run's process ended with code {status} and without a result")


def _lost(message: str) -> Failure:
    return Failure("transient", "lost", message)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:g} s"
