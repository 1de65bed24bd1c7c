"""Puts deliberate defects into a copy of the sources, one at a time, and tells what finds each.

    python3 bench/mutants/run.py [WORD]

A defect is a file `*.diff` beside this one: its name in the first line, then the change. Takes a few minutes for each,
and writes `README.md`; with a word only those whose name has it are tried, and nothing is written. Ends with code 1
when a defect is not found, and at once when something is found in the sources as they are.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
LEFT_OUT = shutil.ignore_patterns(".git", "target", "node_modules", ".venv", "__pycache__")
TESTS = ["cargo", "test", "--package", "omtx-hub-server"]
BUILD = [*TESTS, "--no-run", "--test", "sweep", "--test", "life"]
# What finds a defect comes first; two faults at once, which take long, find nothing that one alone does not.
LIVES = ("single", "failed", "screen", "cancelled", "retried", "deleted")
LOOKS = [[*TESTS, "--test", "sweep", "--", "--skip", "pairs::", life] for life in LIVES] + [[*TESTS, "--test", "life"]]
INVARIANT = re.compile(r"^\s*NOT ([^:]+):", re.MULTILINE)
FAILED = re.compile(r"^test (\S+) \.\.\. FAILED$", re.MULTILINE)
SHOWN = 3
HEADLINE = """\
# Deliberate defects

Made by `bin/bench mutants`. Each file beside this one is put into the sources alone. What does not hold then: in
italics invariants of `server/tests/sweep`, in the first of its lives that shows any, else tests of `server/tests/life`.

| defect | found by |
|---|---|
"""


def run(command: list[str], copy: Path, minutes: float = 30) -> subprocess.CompletedProcess[str]:
    """What a command says in the copy."""
    return subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False, timeout=minutes * 60)


def change(copy: Path, diff: Path, *further: str) -> None:
    """Put a defect into the copy, or take it out again."""
    done = run(["git", "apply", *further, str(diff)], copy)
    if done.returncode:
        sys.exit(f"{diff.name} fits the sources no longer\n{done.stderr}")


def build(copy: Path, what: str) -> None:
    """Compile the tests, or end."""
    built = run(BUILD, copy)
    if built.returncode:
        sys.exit(f"{what} does not compile\n{built.stderr[-3_000:]}")


def shown(said: str) -> list[str]:
    """The invariants that do not hold, else the tests that fail."""
    return [f"*{name}*" for name in INVARIANT.findall(said)] or [f"`{name}`" for name in FAILED.findall(said)]


def check_unchanged(copy: Path) -> None:
    """End when there is anything to find without a defect: it would be found with each."""
    build(copy, "the untouched copy")
    for look in LOOKS:
        done = run(look, copy)
        if done.returncode or shown(done.stdout):
            found = ", ".join(shown(done.stdout)) or done.stderr[-3_000:]
            sys.exit(f"without a defect {' '.join(look)} finds: {found}")


def found_by(copy: Path, diff: Path) -> list[str]:
    """What the first look that finds the defect shows."""
    change(copy, diff)
    build(copy, diff.name)
    for look in LOOKS:
        if found := shown(run(look, copy).stdout):
            break
    change(copy, diff, "--reverse")
    return list(dict.fromkeys(found))


def row(name: str, found: list[str]) -> str:
    """A line of the table."""
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f"| {name} | {', '.join(found[:SHOWN]) or '**nothing**'}{more} |\n"


def main() -> None:
    """Try each defect."""
    word = " ".join(sys.argv[1:])
    diffs = {diff.read_text().partition("\n")[0]: diff.resolve() for diff in sorted(HERE.glob("*.diff"))}
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(HERE.parents[1], copy, ignore=LEFT_OUT)
        check_unchanged(copy)
        for name in (name for name in diffs if word in name):
            rows[name] = found_by(copy, diffs[name])
            print(name, "→", ", ".join(rows[name]) or "NOT FOUND", flush=True)
    if not word:
        (HERE / "README.md").write_text(HEADLINE + "".join(row(*one) for one in rows.items()))
    sys.exit(not all(rows.values()))


if __name__ == "__main__":
    main()
