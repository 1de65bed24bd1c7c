"""Running a model's own program: an argument list, never a shell; its output to a file, its faults into words."""

from __future__ import annotations

import logging
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from omtx_worker import processes
from omtx_worker.failure import Failure, of_text, system_failure, user_failure
from omtx_worker.results import Reports
from omtx_worker.settings import environment_of_model

LOG_FILE = "log.txt"

_LOG = logging.getLogger(__name__)
_KEPT_CHARACTERS = 200_000
_PERCENT = re.compile(r"(\d{1,3})%\|")
_REFUSED = re.compile(r"Failed to process \S+ Skipping\. Error: (?P<why>.+)")
_UNSUPPORTED = re.compile(r"UnsupportedInputError: (?P<why>.+)")


def why_without_result(printed: str, size: str) -> Failure:
    """The failure of a program that wrote no result, be its exit code 0 or not: some skip what they cannot do."""
    for pattern in (_REFUSED, _UNSUPPORTED):
        if refused := pattern.search(printed):
            return user_failure("refused", f"the model could not use the input: {refused['why'].strip()[:300]}")
    if known := of_text(printed, size):
        return known
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    last = lines[-1][:300] if lines else "it printed nothing"
    of_size = f" (size of the input: {size})" if size else ""
    return system_failure("no_result", f"the model ended without its result{of_size}; its last words: {last}")


def _percent(printed: str) -> float | None:
    """What the last bar says, as `tqdm` draws it."""
    percents = _PERCENT.findall(printed)
    return min(100, int(percents[-1])) / 100 if percents else None


@dataclass(frozen=True)
class Handling:
    """How one program is treated unlike others: its environment, the file that has what it prints, how that is read.

    `progress` is asked for the part of the stage that is done, none where nothing tells, and `why` for the failure of a
    program that ended badly, by what was printed and the size of the input in words.
    """

    environment: Callable[[], dict[str, str]] = environment_of_model
    output: str = LOG_FILE
    progress: Callable[[str], float | None] = _percent
    why: Callable[[str, str], Failure] = why_without_result


MODEL = Handling()
"""A model that runs on a GPU."""


def run_program(
    command: list[str], work: Path, stage: str, size: str, reports: Reports, handling: Handling = MODEL
) -> str:
    """Run to the end in the work folder; what was printed. A `Failure` when it ended badly."""
    options = [part for part in command[1:] if part.startswith("--")]
    _LOG.info("running %s", " ".join([Path(command[0]).name, *options]))
    oom_kills_before = processes.out_of_memory_kills()
    reports.stage(stage, handling.progress(""))
    try:
        process = subprocess.Popen(
            command,
            cwd=work,
            env=handling.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        raise system_failure("not_installed", f"the model's program cannot be started: {error.strerror}") from error
    printed = _follow(process, work / handling.output, stage, reports, handling.progress)
    status = process.wait()
    if status < 0:
        raise processes.killed(-status, size, out_of_memory=processes.out_of_memory_kills() > oom_kills_before)
    if status > 0:
        _LOG.info("%s", printed[-4_000:])
        raise handling.why(printed, size)
    return printed


def _follow(
    process: subprocess.Popen[bytes],
    output: Path,
    stage: str,
    reports: Reports,
    progress: Callable[[str], float | None],
) -> str:
    """The end of all that is printed; all of it goes into the file, and progress bars are reported as they move."""
    printed = ""
    with output.open("ab") as target:
        while process.stdout is not None and (chunk := process.stdout.read1(4_096)):
            target.write(chunk)
            printed = (printed + chunk.decode("utf-8", "replace"))[-_KEPT_CHARACTERS:]
            if (fraction := progress(printed)) is not None:
                reports.stage(stage, fraction)
    return printed
