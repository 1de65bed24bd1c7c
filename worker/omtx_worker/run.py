"""One run, start to end, in a process of its own: `python -m omtx_worker.run FOLDER`.

Fetches the inputs, lets the model's runner compute, uploads what it wrote, and says how it ended. Needs no gateway.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from omtx_worker import processes, settings
from omtx_worker.callback import call_back
from omtx_worker.failure import Failure, system_failure
from omtx_worker.protocol import Progress, RunRequest
from omtx_worker.run_folder import TAKEN_BY_ANOTHER, UPLOAD_GRACE_S, RunFolder, Started

if TYPE_CHECKING:
    from omtx_worker.results import Outcome

CALLBACK_EVERY_S = 5.0
KEEP_WAIT_S = 120.0

_LOG = logging.getLogger(__name__)


class Reporter:
    """Keeps `progress.json` up to date and calls back on change, at most every 5 s and never in the runner's way."""

    def __init__(self, folder: RunFolder, request: RunRequest, secret: str) -> None:
        self._folder = folder
        self._url = request.callback
        self._secret = secret
        self._last: Progress | None = None
        self._size = ""
        self._changed = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def stage(self, stage: str, fraction: float | None = None) -> None:
        """Say what is being done, and how much of it is done where that is known."""
        progress = Progress(stage=stage, fraction=fraction)
        if progress == self._last:
            return
        if self._last is None or self._last.stage != stage:
            _LOG.info(stage)
        self._last = progress
        self._folder.report(progress, self._size)
        self._changed.set()

    def size(self, words: str) -> None:
        """Say how large the input is, for the message when memory does not suffice."""
        self._size = words

    def end(self) -> None:
        """Send the end, unless somebody watches who does; afterwards nothing is sent."""
        self._ended.set()
        self._changed.set()
        self._thread.join()
        if self._url and not self._folder.marked("watched"):
            call_back(self._url, self._secret, self._folder.run())

    def _send(self) -> None:
        while not self._ended.is_set():
            self._changed.wait()
            self._changed.clear()
            if self._url and not self._ended.is_set():
                call_back(self._url, self._secret, self._folder.run())
            self._ended.wait(CALLBACK_EVERY_S)


def main() -> None:
    """Do the run of the folder given as the one argument."""
    folder = RunFolder(Path(sys.argv[1]))
    pid = os.getpid()
    if not folder.start(Started(pid, processes.start_ticks(pid) or 0, time.time())):
        sys.exit(TAKEN_BY_ANOTHER)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    request = folder.request()
    reporter = Reporter(folder, request, settings.secret())
    try:
        _do(folder, request, reporter)
    except Failure as failure:
        _LOG.info("failed: %s", failure.message)
        folder.fail(failure)
    except MemoryError:
        folder.fail(system_failure("out_of_memory", f"there was not enough memory ({folder.size()})"))
    except Exception:  # noqa: BLE001 - the boundary of the process
        _LOG.exception("the runner failed")
        folder.fail(system_failure("fault", "the run failed for a reason that nobody foresaw; its log tells more"))
    reporter.end()


def _do(folder: RunFolder, request: RunRequest, reporter: Reporter) -> None:
    reporter.stage("starting")
    # Imported late: this takes a second, and the run is to be known as started before.
    from omtx_worker.results import Outcome, upload_all

    give_up_at = time.time() + request.deadline_s
    if computed := folder.outcome():
        outcome = Outcome.from_json(computed)
    else:
        outcome = _compute(folder, request, reporter, give_up_at)
        folder.keep_outcome(outcome.as_json())
    reporter.stage("uploading")
    folder.mark("computed")
    _wait_until_kept(folder)
    manifest = upload_all(folder, request, outcome, give_up_at + UPLOAD_GRACE_S, reporter)
    folder.end("succeeded", manifest=manifest, metrics=outcome.metrics, provenance=outcome.provenance)


def _compute(folder: RunFolder, request: RunRequest, reporter: Reporter, give_up_at: float) -> Outcome:
    from omtx_worker.transfer import download

    for file in request.inputs:
        reporter.stage("fetching the input")
        download(file, folder.work / f"input-{file.name}", give_up_at)
    # One model's runner alone: each loads libraries that the others do not need. The gateway has checked the name.
    runner = import_module(f"omtx_worker.runners.{request.model}")
    outcome: Outcome = runner.run(request, folder.work, reporter)
    return outcome


def _wait_until_kept(folder: RunFolder) -> None:
    """Once a file is uploaded, a run that starts anew must upload the same ones, so they are kept before."""
    give_up_at = time.monotonic() + KEEP_WAIT_S
    while folder.marked("watched") and not folder.marked("kept") and time.monotonic() < give_up_at:
        time.sleep(0.05)


if __name__ == "__main__":
    main()
