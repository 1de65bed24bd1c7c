"""One run inside of a container at Modal: the local executor with one slot does it, and Modal is told how it stands.

Modal may take the machine away and start the same call anew elsewhere. What was computed is therefore kept on a volume
before the first file is uploaded, so that a second start uploads the same files.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from omtx_worker.callback import call_back
from omtx_worker.failure import Failure
from omtx_worker.gpu_hours import Ledger
from omtx_worker.local import LocalExecutor
from omtx_worker.modal_alignments import Turns
from omtx_worker.modal_marks import Marks
from omtx_worker.protocol import Progress, Run, RunError, RunRequest, Timings
from omtx_worker.run_folder import RunFolder, cancelled_on_request
from omtx_worker.settings import Settings

KEPT_DAYS = 8
"""How long the files of a run stay on the volume: no call is started anew after that."""

_LOG = logging.getLogger(__name__)
_LOOK_EVERY_S = 0.2
_TELL_EVERY_S = 2.0


@dataclass(frozen=True)
class Container:
    """Where a run finds itself: its call's id, the marks, and a folder on a volume; `commit` and `reload` are its."""

    call_id: str
    marks: Marks
    kept: Path
    commit: Callable[[], None]
    reload: Callable[[], None]
    secret: str
    ledger: Ledger | None
    turns: Turns

    def kept_of(self, run_id: str) -> Path:
        """Where what the run computed is kept."""
        return self.kept / run_id.replace(":", ".")


def do(order: dict[str, Any], container: Container) -> dict[str, Any]:
    """Do the run of an order of `ModalExecutor`: answers `{"run": ...}`, or `{"taken_by": call id}` when not ours."""
    try:
        return _do_once(order, container)
    except Exception as error:  # noqa: BLE001 - the boundary: raised here, it would look like a fault of Modal's client
        _LOG.exception("the run could not be done")
        words = f"the run's container failed: {type(error).__name__}: {str(error)[:200]}"
        ended = Run(
            run_id=order["request"]["run_id"],
            state="failed",
            call_id=order["call_id"],
            error=RunError(category="transient", code="lost", message=words),
            timings=Timings(queued_s=None, run_s=None),
        )
        return {"run": ended.model_dump(mode="json")}


def sweep(kept: Path) -> None:
    """Remove what was kept of runs that ended long ago."""
    for path in kept.iterdir() if kept.is_dir() else []:
        if time.time() > path.stat().st_mtime + KEPT_DAYS * 24 * 3_600:
            shutil.rmtree(path, ignore_errors=True)


def _do_once(order: dict[str, Any], container: Container) -> dict[str, Any]:
    request = RunRequest.model_validate(order["request"])
    began = {"call": container.call_id, "at": time.time()}
    if not container.marks.first("started", request.run_id, began):
        taken = container.marks.get("started", request.run_id)
        if taken["call"] != container.call_id:
            return {"taken_by": taken["call"]}
    with tempfile.TemporaryDirectory(prefix="omtx-") as state:
        try:
            return {"run": _do(request, order, container, Path(state))}
        finally:
            if (ledger := container.ledger) is not None:
                used = partial(ledger.record, request.model, request.run_id, began["at"], time.time())
                _attempt(used, "noting the GPU time")


def _attempt(step: Callable[[], Any], what: str) -> None:
    """Do what is worth no run: a moment without Modal must not cost what was computed."""
    try:
        step()
    except Exception as error:  # noqa: BLE001 - the boundary to Modal
        _LOG.warning("%s failed: %s", what, error)


def _do(request: RunRequest, order: dict[str, Any], container: Container, state: Path) -> dict[str, Any]:
    runs = state / "runs"
    runs.mkdir()
    folder = RunFolder.claim(runs, request, order["call_id"], order["at"])
    if folder is None:
        raise RuntimeError("a folder that was made a moment ago holds the run already")
    container.reload()
    _restore(folder, container.kept_of(request.run_id))
    if not folder.ended() and container.marks.get("cancel", request.run_id):
        folder.fail(cancelled_on_request())
    if not folder.ended():
        _wait_for_alignments(folder, request, container)
    if not folder.ended():
        _compute(folder, request.run_id, container, state)
    run = folder.run()
    # Whoever hears of the end asks at once how it was, before this call can have answered.
    ended = {"run": run.model_dump(mode="json"), "at": time.time()}
    _attempt(partial(container.marks.first, "ended", request.run_id, ended), "telling the end")
    if request.callback:
        call_back(request.callback, container.secret, run)
    return run.model_dump(mode="json")


def _wait_for_alignments(folder: RunFolder, request: RunRequest, container: Container) -> None:
    def say(stage: str) -> None:
        folder.report(Progress(stage=stage, fraction=None), size="")
        _tell(folder, request.run_id, container.marks)

    def waits() -> None:
        say("waiting for the alignment")
        # The hub looks by itself once a minute, when the wait is over.
        if request.callback:
            call_back(request.callback, container.secret, folder.run())

    say("starting")
    try:
        container.turns.take(request, waits)
    except Failure as failure:
        folder.fail(failure)
        _attempt(container.turns.give_back, "giving back the turn at an alignment")


def _compute(folder: RunFolder, run_id: str, container: Container, state: Path) -> None:
    folder.mark("watched")
    executor = LocalExecutor(Settings(container.secret, state, host="", port=0, slots=1, queue=0))
    executor.start()
    try:
        tell_at = 0.0
        while not folder.ended():
            if folder.marked("computed") and not folder.marked("kept"):
                # Not kept, it costs a second start its files, and this one nothing.
                _attempt(partial(_keep, folder, container), "keeping what was computed")
                folder.mark("kept")
            _attempt(container.turns.show, "showing an alignment")
            if time.monotonic() >= tell_at:
                _tell(folder, run_id, container.marks)
                tell_at = time.monotonic() + _TELL_EVERY_S
            time.sleep(_LOOK_EVERY_S)
    finally:
        # Also when the input is cancelled or the machine taken away, which end this thread by an exception.
        executor.stop()
        _attempt(container.turns.show, "showing an alignment")
        _attempt(container.turns.give_back, "giving back the turn at an alignment")
    _attempt(partial(_keep_end, folder, container), "keeping the end")


def _keep(folder: RunFolder, container: Container) -> None:
    kept = container.kept_of(folder.request().run_id)
    new = kept.with_name(f".new-{kept.name}")
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(folder.work, new / "work")
    shutil.copyfile(folder.path / "outcome.json", new / "outcome.json")
    shutil.rmtree(kept, ignore_errors=True)
    new.rename(kept)
    container.commit()


def _keep_end(folder: RunFolder, container: Container) -> None:
    """A call that is started anew after its end answers the same again."""
    kept = container.kept_of(folder.request().run_id)
    if kept.is_dir():
        shutil.rmtree(kept / "work", ignore_errors=True)
        shutil.copyfile(folder.path / "result.json", kept / "result.json")
        container.commit()


def _restore(folder: RunFolder, kept: Path) -> None:
    for name in ("result.json", "outcome.json"):
        if (kept / name).exists():
            shutil.copyfile(kept / name, folder.path / name)
    if (kept / "work").is_dir():
        shutil.copytree(kept / "work", folder.work, dirs_exist_ok=True)


def _tell(folder: RunFolder, run_id: str, marks: Marks) -> None:
    progress = folder.progress()
    said = {
        "progress": progress.model_dump() if progress else None,
        "size": folder.size(),
        "log_tail": folder.log_tail(),
    }
    _attempt(partial(marks.put, "progress", run_id, said), "telling progress")
