"""Docks what others have docked and compares: published DOCKSTRING scores, and the crystal pose of imatinib in 1IEP.

    worker/.venv/bin/python bench/docking/reference.py --processes 2

Needs the reference data (`OMTX_REFERENCE_DATA`), takes about an hour of one CPU, and writes `reference.md` beside
itself. What was docked already is taken from `--cache`, so that the command can be interrupted. Ends with code 1 when
an aim is missed.
"""

from __future__ import annotations

import argparse
import csv
import json
import multiprocessing
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "worker"))

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdMolAlign
from rdkit.Chem.MolStandardize.rdMolStandardize import Uncharger

from omtx_worker.protocol import RunRequest
from omtx_worker.runners import vina

PUBLISHED = {"exhaustiveness": 8, "seed": 974_528_263, "poses": 9}
REDOCKING = {"exhaustiveness": 32, "seed": 974_528_263, "poses": 9}

AIM_MEAN_DIFFERENCE = 0.5  # kcal/mol
AIM_RANK_CORRELATION = 0.9
CRYSTAL_SCORE = -13.2  # kcal/mol, AutoDock Vina's own documentation of this example, exhaustiveness 32
AIM_CRYSTAL_SCORE = 0.7  # kcal/mol
AIM_CRYSTAL_RMSD = 2.0  # Å


@dataclass
class Task:
    """One thing to dock; the receptor is a named target, or a PDBQT file with a box."""

    name: str
    smiles: str
    published: float
    parameters: dict[str, int]
    named: str | None = None
    receptor: str | None = None
    box: dict[str, list[float]] | None = None


@dataclass
class Done:
    """The score in kcal/mol, CPU-bound wall time in s, and the best pose as a V2000 record."""

    task: Task
    score: float
    seconds: float
    heavy_atoms: int
    rotors: int
    pose: str


class _Quiet:
    def stage(self, stage: str, fraction: float | None = None) -> None:
        """Say nothing."""

    def size(self, words: str) -> None:
        """Say nothing."""


def dock(task: Task) -> Done:
    """Run the worker's own runner, as a run behind the gateway does."""
    if task.named:
        target: dict[str, object] = {"named": task.named}
    else:
        target = {"receptor": {"name": "receptor", "format": "pdbqt", "file": "receptor"}, "box": task.box}
    request = RunRequest(
        run_id="bench:1",
        model="vina",
        task="docking",
        input={"target": target, "ligand": {"name": task.name[:100], "smiles": task.smiles}},
        parameters=task.parameters,
        deadline_s=3_600,
    )
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if task.receptor:
            (work / "input-receptor").write_bytes(Path(task.receptor).read_bytes())
        began = time.monotonic()
        outcome = vina.run(request, work, _Quiet())
        seconds = time.monotonic() - began
        pose = (work / "poses.sdf").read_text().split("$$$$")[0]
    facts = outcome.provenance
    score = outcome.metrics["docking_score"].value
    return Done(task, score, round(seconds, 1), facts["heavy_atoms"], facts["rotors"], pose)


def published_tasks(data: Path) -> list[Task]:
    """The published scores of DOCKSTRING."""
    with (data / "docking_reference" / "reference_scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        Task(
            f"{row['target']} {row['smiles']}",
            row["smiles"],
            float(row["vina_score_kcal_mol"]),
            PUBLISHED,
            row["target"],
        )
        for row in rows
    ]


def crystal_task(data: Path) -> Task:
    """Imatinib into the receptor and box of 1IEP; the ligand is built anew from its SMILES."""
    folder = data / "vina_1iep"
    lines = (folder / "1iep_receptor.box.txt").read_text().splitlines()
    values = {key.strip(): float(value) for key, value in (line.split("=") for line in lines if "=" in line)}
    box = {"center": [values[f"center_{axis}"] for axis in "xyz"], "size": [values[f"size_{axis}"] for axis in "xyz"]}
    smiles = Chem.MolToSmiles(Chem.RemoveHs(Chem.MolFromMolFile(str(folder / "1iep_ligand.sdf"))))
    receptor = str(folder / "1iep_receptor.pdbqt")
    return Task("imatinib into 1IEP", smiles, CRYSTAL_SCORE, REDOCKING, receptor=receptor, box=box)


def crystal_rmsd(done: Done, data: Path) -> float:
    """Heavy-atom RMSD in Å of the best pose to the crystal's, in place, over all symmetric matches."""
    crystal = Chem.MolFromMolFile(str(data / "vina_1iep" / "1iep_ligand.sdf"))
    pose = Chem.MolFromMolBlock(done.pose)
    neutral = [Chem.RemoveHs(Uncharger().uncharge(molecule)) for molecule in (pose, crystal)]
    return float(rdMolAlign.CalcRMS(*neutral))


def rank_correlation(a: list[float], b: list[float]) -> float:
    """Spearman's, with mean ranks for equal values."""
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: list[float]) -> list[float]:
    return [
        sum(other < value for other in values) + (sum(other == value for other in values) - 1) / 2 for value in values
    ]


def report(published: list[Done], crystal: Done, rmsd: float) -> tuple[str, bool]:
    """The table in Markdown, and whether every aim is met."""
    ours = [done.score for done in published]
    theirs = [done.task.published for done in published]
    difference = float(np.mean(np.abs(np.array(ours) - np.array(theirs))))
    correlation = rank_correlation(ours, theirs)
    crystal_difference = abs(crystal.score - CRYSTAL_SCORE)
    aims = [
        (f"mean absolute difference over {len(ours)} published scores", f"{difference:.2f} kcal/mol",
         f"at most {AIM_MEAN_DIFFERENCE}", difference <= AIM_MEAN_DIFFERENCE),
        ("Spearman rank correlation with them", f"{correlation:.3f}",
         f"at least {AIM_RANK_CORRELATION}", correlation >= AIM_RANK_CORRELATION),
        ("imatinib into 1IEP, best score", f"{crystal.score:.1f} kcal/mol",
         f"within {AIM_CRYSTAL_SCORE} of {CRYSTAL_SCORE}", crystal_difference <= AIM_CRYSTAL_SCORE),
        ("its best pose, RMSD to the crystal's", f"{rmsd:.2f} Å",
         f"at most {AIM_CRYSTAL_RMSD:g}", rmsd <= AIM_CRYSTAL_RMSD),
    ]  # fmt: skip
    lines = ["# Docking against published values", ""]
    lines += ["Made by `bench/docking/reference.py` with AutoDock Vina 1.1.2 on one CPU per run, seed 974528263;"]
    lines += [
        "exhaustiveness 8 for the published scores (DOCKSTRING), 32 for the redocking (receptor and box uploaded).",
        "",
    ]
    lines += ["| figure | measured | aim | |", "|---|---|---|---|"]
    lines += [f"| {what} | {value} | {aim} | {'met' if met else '**missed**'} |" for what, value, aim, met in aims]
    lines += [
        "",
        "| target | ligand | published, kcal/mol | ours, kcal/mol | difference | heavy atoms | rotors | wall, s |",
    ]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for done in published:
        task = done.task
        lines.append(
            f"| {task.named} | `{task.smiles}` | {task.published:.1f} | {done.score:.1f} "
            f"| {done.score - task.published:+.1f} | {done.heavy_atoms} | {done.rotors} | {done.seconds:.0f} |"
        )
    lines += ["", f"The redocking took {crystal.seconds:.0f} s."]
    return "\n".join(lines) + "\n", all(met for *_, met in aims)


def _cached(task: Task, cache: Path) -> Done | None:
    for path in cache.glob("*.json"):
        values = json.loads(path.read_text())
        if values["task"] == asdict(task):
            return Done(**(values | {"task": task}))
    return None


def _dock_and_keep(job: tuple[int, Task, Path]) -> Done:
    number, task, cache = job
    done = _cached(task, cache) or dock(task)
    (cache / f"{number:03}.json").write_text(json.dumps(asdict(done)))
    sys.stdout.write(f"{task.name[:60]:<60} {task.published:6.1f} {done.score:6.1f} {done.seconds:7.1f} s\n")
    sys.stdout.flush()
    return done


def main() -> None:
    """Dock everything, write the table, tell whether the aims are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "omtx-docking-reference")
    given = parser.parse_args()
    folder = os.environ.get("OMTX_REFERENCE_DATA")
    if not folder:
        parser.error("OMTX_REFERENCE_DATA is not set")
    data = Path(folder)
    given.cache.mkdir(parents=True, exist_ok=True)
    # The longest first.
    tasks = [crystal_task(data), *published_tasks(data)]
    jobs = [(number, task, given.cache) for number, task in enumerate(tasks)]
    with multiprocessing.Pool(given.processes) as pool:
        crystal, *published = pool.map(_dock_and_keep, jobs, chunksize=1)
    text, met = report(published, crystal, crystal_rmsd(crystal, data))
    Path(__file__).with_suffix(".md").write_text(text)
    sys.stdout.write(text)
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
