"""Programs that are run for a model: how far they are, where their words go, and what their bad end is called."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from omtx_worker.failure import Failure, system_failure
from omtx_worker.runners import vina
from omtx_worker.runners.model_program import LOG_FILE, Handling, run_program

BAR = "0%   10   20   30   40   50   60   70   80   90   100%\n|----|----|----|----|----|----|----|----|----|----|\n"


class Told:
    """Reports that keep each stage with its fraction."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, float | None]] = []

    def stage(self, stage: str, fraction: float | None = None) -> None:
        """Keep it, once."""
        if self.stages[-1:] != [(stage, fraction)]:
            self.stages.append((stage, fraction))

    def size(self, words: str) -> None:
        """Forget it."""


def _saying(*parts: str, status: int = 0) -> list[str]:
    """A program that says each part after what went before was read."""
    body = "".join(f"sys.stdout.write({part!r}); sys.stdout.flush(); time.sleep(0.1)\n" for part in parts)
    return [sys.executable, "-c", f"import sys, time\n{body}sys.exit({status})"]


def test_percents_of_a_bar_are_told(tmp_path: Path) -> None:
    """From when there are any, also when one comes in two pieces; all of it is in the log."""
    reports = Told()
    parts = ["loading\n", "Predicting:  50%|##   | 1/2", "\rPredicting: 10", "0%|#####| 2/2\n"]
    assert run_program(_saying(*parts), tmp_path, "predicting", "", reports) == "".join(parts)
    assert reports.stages == [("predicting", None), ("predicting", 0.5), ("predicting", 1.0)]
    assert (tmp_path / LOG_FILE).read_bytes().decode() == "".join(parts)


def test_stars_of_vina_are_told(tmp_path: Path) -> None:
    """From the first moment, as Vina's bar is long: 51 stars."""
    reports = Told()
    handling = Handling(output="said.txt", progress=vina._docked)
    run_program(
        _saying("* a star above the bar\n", BAR, "*" * 17, "*" * 34 + "\n"), tmp_path, "docking", "", reports, handling
    )
    assert reports.stages == [("docking", 0.0), ("docking", 0.33), ("docking", 1.0)]
    assert (tmp_path / "said.txt").exists()
    assert not (tmp_path / LOG_FILE).exists()


def test_a_bad_end_has_the_words_of_its_program(tmp_path: Path) -> None:
    """By default those of a model."""
    with pytest.raises(Failure, match=r"without its result \(size of the input: 9 atoms\); its last words: oh no"):
        run_program(_saying("oh no\n", status=3), tmp_path, "docking", "9 atoms", Told())
    handling = Handling(why=lambda printed, size: system_failure("odd", f"{printed.strip()}, {size}"))
    with pytest.raises(Failure, match=r"^oh no, 9 atoms$"):
        run_program(_saying("oh no\n", status=3), tmp_path, "docking", "9 atoms", Told(), handling)
