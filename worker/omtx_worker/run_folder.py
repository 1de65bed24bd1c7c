"""The folder of one run: the files that the gateway and the run itself know each other by.

| file | written by | holds |
|---|---|---|
| `accepted.json`, `request.json` | gateway, with the folder | the claim of the run id; what is to be done |
| `started.json` | run, create-only | process id and start time, so that one process at most does the run |
| `progress.json` | run | stage, fraction, size of the input in words |
| `computed` | run | there since the computing is over and only uploads remain |
| `outcome.json` | run | what was computed, by name, so that a run that starts anew only uploads |
| `watched`, `kept` | gateway | another machine waits: it keeps the outcome before uploads, and tells the end |
| `cancel` | gateway | there since somebody asked for the end |
| `result.json` | whoever is first, create-only | how it ended |
| `expired` | gateway | there since the files were removed for their age |
| `log.txt` | run | stdout and stderr of the run |
| `work/` | run | input and result files |

Every file appears whole or not at all, and is on the disk before the next step is taken.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omtx_worker.failure import Failure
from omtx_worker.protocol import Progress, Run, RunAccepted, RunRequest, State, Timings

LOG_TAIL_BYTES = 4_096

TAKEN_BY_ANOTHER = 75
"""Exit code of a run's process that found another process at work on the same run."""

UPLOAD_GRACE_S = 3_600
"""How much longer than its deadline a run may try to upload what it has computed: the hub may be restarting."""

CANCELLED = "cancelled"
"""Code of the failure that ends a run as cancelled, not as failed."""


def cancelled_on_request() -> Failure:
    """The reason that makes an end a cancellation."""
    return Failure("user", CANCELLED, "cancelled on request")


@dataclass(frozen=True)
class Started:
    """The process of a run: its id, its start in clock ticks since boot, and the time of day in seconds."""

    pid: int
    ticks: int
    at: float


class RunFolder:
    """Reads and writes the files of one run; every method may be called from any process at any time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.work = path / "work"
        self.log = path / "log.txt"

    @classmethod
    def of(cls, runs: Path, run_id: str) -> RunFolder:
        """The folder of that run, whether it exists or not. A run id has one colon and no dot."""
        return cls(runs / run_id.replace(":", "."))

    @classmethod
    def claim(
        cls, runs: Path, request: RunRequest, call_id: str | None = None, accepted_at: float | None = None
    ) -> RunFolder | None:
        """Make the folder with request and claim in one step; none when another request has it already.

        `call_id` and `accepted_at`, in seconds since 1970, are given when another machine accepted the run.
        """
        new = runs / f".new-{uuid.uuid4().hex}"
        (new / "work").mkdir(parents=True)
        call_id = call_id or f"local-{uuid.uuid4().hex}"
        accepted = RunAccepted(run_id=request.run_id, state="queued", call_id=call_id)
        _write(new / "request.json", request.model_dump(mode="json"))
        at_ns = time.time_ns() if accepted_at is None else int(accepted_at * 1e9)
        claim = {"answer": accepted.model_dump(), "fingerprint": fingerprint(request), "at_ns": at_ns}
        _write(new / "accepted.json", claim)
        folder = cls.of(runs, request.run_id)
        try:
            # Renaming onto a folder that is not empty fails: this is the claim.
            new.rename(folder.path)
        except OSError:
            shutil.rmtree(new)
            return None
        _sync_folder(runs)
        return folder

    def exists(self) -> bool:
        """Whether the run was ever accepted."""
        return (self.path / "accepted.json").exists()

    def request(self) -> RunRequest:
        """What is to be done."""
        return RunRequest.model_validate(_read(self.path / "request.json"))

    def accepted(self) -> RunAccepted:
        """The first answer, which is also the answer to every repetition."""
        return RunAccepted.model_validate(self._claim()["answer"])

    def fingerprint(self) -> str:
        """What `fingerprint` said of the accepted request."""
        return str(self._claim()["fingerprint"])

    def accepted_at_ns(self) -> int:
        """When it was accepted, in nanoseconds since 1970."""
        return int(self._claim()["at_ns"])

    def start(self, started: Started) -> bool:
        """Take the run for this process; false when another process has it or it was cancelled before."""
        return _create(self.path / "started.json", started.__dict__) and not self.ended()

    def started(self) -> Started | None:
        """The process that took the run."""
        values = _read(self.path / "started.json")
        return Started(**values) if values else None

    def report(self, progress: Progress, size: str) -> None:
        """Say where the run is, and the size of its input in words as soon as it is known."""
        _write(self.path / "progress.json", {"progress": progress.model_dump(), "size": size}, sync=False)

    def progress(self) -> Progress | None:
        """Where the run is."""
        values = _read(self.path / "progress.json")
        return Progress.model_validate(values["progress"]) if values else None

    def size(self) -> str:
        """The size of the input in words, empty before it is known."""
        values = _read(self.path / "progress.json")
        return str(values["size"]) if values else ""

    def mark(self, name: str) -> None:
        """Set one of the marks `computed`, `cancel`, `watched`, `kept` and `expired`."""
        (self.path / name).touch()
        _sync_folder(self.path)

    def marked(self, name: str) -> bool:
        """Whether the mark is set."""
        return (self.path / name).exists()

    def keep_outcome(self, outcome: dict[str, Any]) -> None:
        """Write down what was computed; its files stand in the work folder."""
        _write(self.path / "outcome.json", outcome)

    def outcome(self) -> dict[str, Any] | None:
        """What was computed, none before that."""
        return _read(self.path / "outcome.json")

    def end(self, state: State, **parts: Any) -> bool:  # noqa: ANN401 - the parts are checked by the shape of `Run`
        """Write how the run ended; false when it had ended already. `parts` are further fields of `Run`."""
        ended_at = time.time()
        parts["timings"] = self._timings(ended_at)
        run = Run(run_id=self.accepted().run_id, state=state, call_id=self.accepted().call_id, **parts)
        return _create(self.path / "result.json", {"run": run.model_dump(mode="json"), "at": ended_at})

    def ended(self) -> bool:
        """Whether how it ended is written."""
        return (self.path / "result.json").exists() or self.marked("expired")

    def ended_at(self) -> float | None:
        """When it ended, in seconds since 1970."""
        result = _read(self.path / "result.json")
        return float(result["at"]) if result else None

    def run(self) -> Run:
        """The run as it stands."""
        if result := _read(self.path / "result.json"):
            return Run.model_validate(result["run"])
        accepted = self.accepted()
        if self.marked("expired"):
            timings = Timings(queued_s=None, run_s=None)
            return Run(run_id=accepted.run_id, state="expired", call_id=accepted.call_id, timings=timings)
        state: State = "running" if self.started() else "queued"
        progress = self.progress() if state == "running" else None
        return Run(
            run_id=accepted.run_id,
            state=state,
            call_id=accepted.call_id,
            progress=progress,
            timings=self._timings(None),
        )

    def log_tail(self) -> str:
        """The last 4 KB of the log."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - LOG_TAIL_BYTES))
                return file.read(LOG_TAIL_BYTES).decode("utf-8", "replace").replace("\0", "")
        except FileNotFoundError:
            return ""

    def fail(self, reason: Failure) -> bool:
        """Write that it failed, with where it was and the tail of its log; false when it had ended already."""
        error = reason.told(self.log_tail())
        state: State = "cancelled" if reason.code == CANCELLED else "failed"
        return self.end(state, progress=self.progress(), error=error)

    def expire(self) -> None:
        """Remove everything but the claim, so that the run id stays taken."""
        self.mark("expired")
        for path in self.path.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name not in ("accepted.json", "expired"):
                path.unlink()

    def _claim(self) -> dict[str, Any]:
        claim = _read(self.path / "accepted.json")
        if claim is None:
            raise FileNotFoundError(self.path)
        return claim

    def _timings(self, ended_at: float | None) -> Timings:
        accepted_at = self.accepted_at_ns() / 1e9
        if started := self.started():
            run_s = None if ended_at is None else round(max(0.0, ended_at - started.at), 3)
            return Timings(queued_s=round(max(0.0, started.at - accepted_at), 3), run_s=run_s)
        queued_s = None if ended_at is None else round(max(0.0, ended_at - accepted_at), 3)
        return Timings(queued_s=queued_s, run_s=None)


def fingerprint(request: RunRequest) -> str:
    """Equal for two requests that ask for the same.

    The query parts of addresses are left out: the hub signs its addresses anew when it repeats a request. So are the
    headers that go with them, which say how a file is put and not what is asked.
    """
    values = request.model_dump(mode="json")
    for file in values["inputs"]:
        file["url"] = file["url"].partition("?")[0]
    for file in values["outputs"]:
        file["put_url"] = file["put_url"].partition("?")[0]
        file.pop("headers", None)
    values["callback"] = (values["callback"] or "").partition("?")[0]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None


def _write(path: Path, values: dict[str, Any], *, sync: bool = True) -> None:
    """Replace a file as a whole."""
    _new(path, values, sync=sync).replace(path)


def _create(path: Path, values: dict[str, Any]) -> bool:
    """Write a file that must not exist yet; false when it does."""
    new = _new(path, values, sync=True)
    try:
        os.link(new, path)
    except FileExistsError:
        return False
    finally:
        new.unlink()
    _sync_folder(path.parent)
    return True


def _new(path: Path, values: dict[str, Any], *, sync: bool) -> Path:
    new = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    with new.open("w", encoding="utf-8") as file:
        json.dump(values, file)
        file.flush()
        if sync:
            os.fsync(file.fileno())
    return new


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
