"""Puts deliberate defects into a copy of the sources, one at a time, and tells by which tests and invariants each is found.

    python3 bench/mutants/run.py

Takes a few minutes for each defect, and writes `README.md` beside itself. `--only WORD` tries those whose name has the
word, and writes nothing. Ends with code 1 when a defect is not found.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = ["cargo", "nextest", "run", "--no-run", "--package", "omtx-hub-server", "--test", "sweep", "--test", "life"]
# The first that fails is enough; pairs of faults find nothing that single ones do not.
TESTS = [*BUILD[:3], *BUILD[4:], "-E", "not test(/^pairs::/)"]
INVARIANT = re.compile(r"^\s*NOT ([^:]+):", re.MULTILINE)
FAILED = re.compile(r"^\s+(?:FAIL|TIMEOUT|SIGABRT) \[.*?\] (?:\([^)]*\) )?omtx-hub-server::(\S+ \S+)", re.MULTILINE)


@dataclass(frozen=True)
class Mutant:
    """A text in a file, there once, and what it is replaced by."""

    name: str
    file: str
    text: str
    instead: str


MUTANTS = [
    Mutant(
        "what comes from an older epoch is accepted",
        "src/services/runs.rs",
        "            if job.epoch == epoch {\n                change(job, now)",
        "            if job.epoch >= epoch {\n                change(job, now)",
    ),
    Mutant(
        "a claim does not raise the epoch",
        "src/job/life.rs",
        "        self.epoch += 1;\n        self.waiting = None;",
        "        self.waiting = None;",
    ),
    Mutant(
        "a claimed job is due to nobody",
        "src/job/life.rs",
        "        self.due_at = Some(now.plus_seconds(CLAIM_S));\n        self.attempts.push",
        "        self.due_at = None;\n        self.attempts.push",
    ),
    Mutant(
        "who has no record has no limits",
        "src/services/limits.rs",
        "        limits.map(Some).ok_or_else(|| {",
        "        if limits.is_none() {\n            return Ok(None);\n        }\n        limits.map(Some).ok_or_else(|| {",
    ),
    Mutant(
        "units are taken without a look at who else took some",
        "src/services/limits.rs",
        "                (book.value, Expect::Version(book.version))",
        "                (book.value, Expect::Any)",
    ),
    Mutant(
        "a batch is dispatched before its seal",
        "src/services/batches.rs",
        "        batch.due_at = Some(now.plus_seconds(WRITING_S));",
        "        batch.due_at = Some(now.plus_seconds(WRITING_S));\n        batch.dispatchable = Some(true);",
    ),
    Mutant(
        "a half-written batch is sealed as it is",
        "src/services/batches.rs",
        "        self.write_children(&batch.id, &ligands, None).await?;\n        Ok(())",
        "        self.seal(&batch.id, &[], None).await?;\n        drop(ligands);\n        Ok(())",
    ),
    Mutant(
        "a batch's summary is stamped after its children were read",
        "src/services/roll_up.rs",
        "            state.rolled_up_to = now;\n            state.rows_version",
        "            state.rolled_up_to = now.plus_seconds(3_600);\n            state.rows_version",
    ),
    Mutant(
        "a person's own fault is tried again",
        "src/job/failure.rs",
        "            Category::User => return None,",
        "            Category::User if self.system < 1 => {\n                self.system += 1;\n                1.0\n            }\n"
        "            Category::User => return None,",
    ),
    Mutant(
        "the key of a submission is written after its job",
        "src/services/submissions.rs",
        "            writes.push(claim.taken(&job.id, Some(row.clone()), now)?);\n        }\n"
        "        match self.commit_taking(&job.owner, now, 1, writes).await {\n            Ok(Committed::Done) => {",
        "            let _ = claim;\n        }\n"
        "        match self.commit_taking(&job.owner, now, 1, writes).await {\n            Ok(Committed::Done) => {\n"
        "                if let Some(claim) = claim {\n"
        "                    self.store.commit(vec![claim.taken(&job.id, Some(row.clone()), now)?]).await?;\n"
        "                }",
    ),
    Mutant(
        "a unit is settled after the end that it is for",
        "src/services/access.rs",
        "            writes.extend(self.moved(&before, &job.value).await?);",
        "            let ended = job.value.state.has_ended();\n            let moved = self.moved(&before, &job.value).await?;\n"
        "            let later = if ended { moved } else { writes.extend(moved); Vec::new() };",
    ),
    Mutant(
        "a result is accepted without a look at its files",
        "src/services/collect.rs",
        "        for entry in &manifest {\n            self.check_size(job, entry).await?;\n        }",
        "        if manifest.is_empty() {\n            self.check_size(job, &manifest[0]).await?;\n        }",
    ),
    Mutant(
        "a file that cannot be looked at is a file that is not there",
        "src/services/collect.rs",
        "            .map_err(|failed| Unfit::Error(super::files::error(failed)))?\n        {",
        '            .map_err(|_| unfit("missing_file", "It did not arrive.".to_owned()))?\n        {',
    ),
    Mutant(
        "a request without an answer begins the next epoch",
        "src/services/dispatch.rs",
        "                Err(ComputeError::Unavailable(_) | ComputeError::Unknown) => job.unanswered(now),",
        "                Err(ComputeError::Unavailable(_) | ComputeError::Unknown) => {\n"
        '                    job.postpone("The gateway did not answer.", now.plus_seconds(1), now)\n                }',
    ),
    Mutant(
        "a record is removed before its files",
        "src/services/jobs.rs",
        "        self.delete_folder(&job.value.folder()).await?;\n        self.delete_children(&job.value).await?;",
        "        self.delete_children(&job.value).await?;",
    ),
    Mutant(
        "files that wait for their record are noted nowhere",
        "src/services/unclaimed.rs",
        "        match self.store.commit(vec![written]).await? {",
        "        drop(written);\n        match Committed::Done {",
    ),
    Mutant(
        "a lease holds for whoever asks",
        "src/services/leases.rs",
        "            .is_some_and(|lease| !self.is_ours(&lease.value) && now < lease.value.until)",
        "            .is_some_and(|lease| !self.is_ours(&lease.value) && now < lease.value.until && now > now)",
    ),
    Mutant(
        "an answer that comes late ends the run",
        "src/services/dispatch.rs",
        "answer.is_ok() && !self.is_awaited(job).await? {",
        "answer.is_ok() {",
    ),
]

LATER = {
    "a unit is settled after the end that it is for": (
        "src/services/access.rs",
        "            if self.store.commit(writes).await? == Committed::Done {\n                self.announce(&before, &job.value);\n"
        "                return Ok(Some(job.value));",
        "            if self.store.commit(writes).await? == Committed::Done {\n                if !later.is_empty() {\n"
        "                    self.store.commit(later).await?;\n                }\n                self.announce(&before, &job.value);\n"
        "                return Ok(Some(job.value));",
    ),
    "a record is removed before its files": (
        "src/services/jobs.rs",
        "            Committed::Done => {\n                self.changes.job_written(&job.value);\n"
        "                self.counts.forget(&job.value.owner);\n                Ok(())",
        "            Committed::Done => {\n                self.delete_folder(&job.value.folder()).await?;\n"
        "                self.changes.job_written(&job.value);\n                self.counts.forget(&job.value.owner);\n"
        "                Ok(())",
    ),
}
"""The other place of a defect that has two."""


def change(copy: Path, file: str, text: str, instead: str) -> None:
    """Replace what is there once."""
    path = copy / file
    source = path.read_text()
    if source.count(text) != 1:
        sys.exit(f"{file} has {source.count(text)} times what a defect is made of:\n{text}")
    path.write_text(source.replace(text, instead))


def found_by(copy: Path, mutant: Mutant) -> list[str]:
    """The invariants and tests that do not hold with the defect."""
    places = [(mutant.file, mutant.text, mutant.instead), *filter(None, [LATER.get(mutant.name)])]
    kept = {file: (copy / file).read_text() for file, _, _ in places}
    try:
        for file, text, instead in places:
            change(copy, file, text, instead)
        built = subprocess.run(BUILD, cwd=copy, capture_output=True, text=True, check=False)
        if built.returncode:
            sys.exit(f"{mutant.name}: does not compile\n{built.stderr[-3_000:]}")
        said = subprocess.run(TESTS, cwd=copy, capture_output=True, text=True, check=False, timeout=3_600)
    finally:
        for file, source in kept.items():
            (copy / file).write_text(source)
    text = said.stdout + said.stderr
    invariants = [f"*{name}*" for name in dict.fromkeys(INVARIANT.findall(text))]
    tests = [name for name in dict.fromkeys(FAILED.findall(text)) if name.startswith("life ")]
    return invariants + [f"`{name.removeprefix('life ')}`" for name in tests]


def main() -> None:
    """Try each defect."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    only = parser.parse_args().only
    names = [
        "Cargo.toml",
        "Cargo.lock",
        ".cargo",
        "src",
        "app",
        "server",
        "frontend",
        "xtask",
        "bench",
        "worker",
        "style",
        "tests",
    ]
    os.environ.setdefault("CARGO_TARGET_DIR", str(ROOT / "target" / "mutants"))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in names:
            source = ROOT / name
            ignored = shutil.ignore_patterns("node_modules", ".venv", "target", "__pycache__")
            (shutil.copytree if source.is_dir() else shutil.copy2)(
                source, copy / name, **({"ignore": ignored} if source.is_dir() else {})
            )
        for mutant in (one for one in MUTANTS if only in one.name):
            found = found_by(copy, mutant)
            rows.append((mutant.name, found))
            print(mutant.name, "→", ", ".join(found) or "NOT FOUND", flush=True)
    if not only:
        write(rows)
    sys.exit(any(not found for _, found in rows))


def write(rows: list[tuple[str, list[str]]]) -> None:
    """Write the table."""
    shown = 3
    lines = [
        "# Deliberate defects",
        "",
        "Made by `bin/bench mutants`. Each is put into the sources alone; in italics the invariants of `server/tests/sweep` that do",
        "not hold then, else the tests of `server/tests/life` that fail.",
        "",
        "| defect | found by |",
        "|---|---|",
    ]
    for name, found in rows:
        more = f" and {len(found) - shown} more" if len(found) > shown else ""
        lines.append(f"| {name} | {', '.join(found[:shown]) or '**nothing**'}{more} |")
    (Path(__file__).parent / "README.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
