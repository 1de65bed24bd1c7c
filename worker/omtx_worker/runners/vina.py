"""Docking with AutoDock Vina 1.1.2 on one CPU: prepare ligand and receptor, search, read what Vina wrote."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path
from typing import Any

import gemmi

from omtx_worker import __version__, ligands, targets
from omtx_worker.failure import Failure, system_failure, user_failure
from omtx_worker.models import VINA_OUTPUTS, VINA_VERSION
from omtx_worker.protocol import Box, RunRequest
from omtx_worker.results import EXTRA, Outcome, Reports
from omtx_worker.runners import docking_input, ligand_preparation, open_babel, poses
from omtx_worker.runners.docking_input import DockingInput, DockingParameters
from omtx_worker.runners.ligand_preparation import PreparedLigand
from omtx_worker.runners.metrics_file import METRICS_FILE, Value, write_plain_metrics
from omtx_worker.runners.model_program import LOG_FILE, Handling, run_program
from omtx_worker.runners.receptor_preparation import PreparedReceptor, as_given, check_box, prepare
from omtx_worker.settings import environment_of_tool

RECEPTOR_FILE = "receptor.pdbqt"
POSES_FILE = "poses.pdbqt"
OUTPUT_FILE = "vina_output.txt"

_STARS = 51
"""Length of Vina's progress bar."""

_UNTYPED = re.compile(r'Parse error on line (\d+) in file "([^"]+)": (.*)')


def run(request: RunRequest, work: Path, reports: Reports) -> Outcome:
    """Dock the ligand; every file of the outcome stands in the work folder."""
    given, parameters = docking_input.read(request)
    reports.stage("preparing ligand")
    ligand = ligand_preparation.prepare(given.ligand.smiles, parameters.seed, work)
    reports.stage("preparing receptor")
    receptor, box = _receptor(given, work)
    edges = " × ".join(f"{edge:g}" for edge in box.size)
    size = f"{ligand.heavy_atoms} heavy atoms, {ligand.rotors} rotors, box of {edges} Å"
    reports.size(size)
    _dock(box, parameters, size, work, reports)
    reports.stage("writing results")
    return _results(given, parameters, ligand, receptor, box, work)


def _receptor(given: DockingInput, work: Path) -> tuple[PreparedReceptor, Box]:
    target = given.target
    if target.named is not None:
        shutil.copyfile(targets.receptor_path(target.named), work / RECEPTOR_FILE)
        return PreparedReceptor(chains=None, kept=[], removed=[], changed=[]), targets.named_targets()[target.named].box
    if target.receptor is None or target.box is None:
        raise system_failure("fault", "a target without a receptor passed the check")
    uploaded = work / f"input-{target.receptor.file}"
    ready = as_given if target.receptor.format == "pdbqt" else prepare
    receptor = ready(target.receptor, uploaded, work / RECEPTOR_FILE)
    check_box(target.box, (work / RECEPTOR_FILE).read_text())
    return receptor, target.box


def _dock(box: Box, parameters: DockingParameters, size: str, work: Path, reports: Reports) -> None:
    command = [str(targets.vina_executable()), "--receptor", RECEPTOR_FILE, "--ligand", ligand_preparation.PDBQT_FILE]
    for axis, center, edge in zip("xyz", box.center, box.size, strict=True):
        command += [f"--center_{axis}", str(center), f"--size_{axis}", str(edge)]
    command += ["--exhaustiveness", str(parameters.exhaustiveness), "--num_modes", str(parameters.poses)]
    command += ["--seed", str(parameters.seed), "--cpu", "1", "--out", POSES_FILE, "--log", LOG_FILE]
    handling = Handling(environment_of_tool, OUTPUT_FILE, _docked, _refused)
    run_program(command, work, "docking", size, reports, handling)


def _docked(printed: str) -> float:
    """How much is docked, by the stars of Vina's progress bar."""
    bar = printed.rpartition("----|\n")[2] if "----|\n" in printed else ""
    return round(min(1.0, bar.count("*") / _STARS), 2)


def _refused(printed: str, size: str) -> Failure:
    if fault := _UNTYPED.search(printed):
        line, file, reason = fault.groups()
        if file == RECEPTOR_FILE:
            return user_failure("receptor_unreadable", f"Vina cannot read line {line} of the receptor: {reason}")
    last = printed.strip().splitlines()[-1] if printed.strip() else "no word"
    return system_failure("vina", f"Vina failed (size of the input: {size}): {last}")


def _results(
    given: DockingInput,
    parameters: DockingParameters,
    ligand: PreparedLigand,
    receptor: PreparedReceptor,
    box: Box,
    work: Path,
) -> Outcome:
    found = poses.read_poses(work / POSES_FILE) if (work / POSES_FILE).exists() else []
    if not found:
        raise user_failure("no_pose", "Vina found no pose: the box may be too small for the ligand or hold no room")
    ligand_pdbqt = (work / ligand_preparation.PDBQT_FILE).read_text()
    molecules = poses.posed_molecules(ligand.molecule, ligand_pdbqt, found)
    provenance = _provenance(given, parameters, ligand, receptor, box, work)
    properties = {"smiles": given.ligand.smiles, "prepared_smiles": ligand.prepared_smiles}
    poses.write_sdf(work / "poses.sdf", molecules, found, given.ligand.name, properties)
    metrics = write_plain_metrics(
        work,
        {"docking_score": Value(found[0].score, METRICS_FILE, "docking_score")},
        unit="kcal/mol",
        poses=[{"rank": one.rank, "score": one.score, "rmsd_lb": one.rmsd_lb, "rmsd_ub": one.rmsd_ub} for one in found],
        provenance=provenance,
    )
    return Outcome(
        files=[output for output in VINA_OUTPUTS if output != EXTRA],
        extra=[ligand_preparation.MOL_FILE, OUTPUT_FILE],
        metrics=metrics,
        provenance=provenance,
    )


def _provenance(
    given: DockingInput,
    parameters: DockingParameters,
    ligand: PreparedLigand,
    receptor: PreparedReceptor,
    box: Box,
    work: Path,
) -> dict[str, Any]:
    return {
        "engine": f"AutoDock Vina {VINA_VERSION}",
        "worker": __version__,
        "rdkit": ligands.rdkit_version(),
        "openbabel": open_babel.version(),
        "gemmi": None if given.target.receptor is None else gemmi.__version__,
        "target": {"named": given.target.named} if given.target.named else {"receptor": given.target.receptor.name},
        "receptor_sha256": hashlib.sha256((work / RECEPTOR_FILE).read_bytes()).hexdigest(),
        "box": box.model_dump(mode="json"),
        **parameters.model_dump(),
        "smiles": given.ligand.smiles,
        "fragments": ligand.fragments,
        "docked_fragment": ligand.docked_fragment,
        "prepared_smiles": ligand.prepared_smiles,
        "protonation": ligand.protonation,
        "heavy_atoms": ligand.heavy_atoms,
        "rotors": ligand.rotors,
        "chains": receptor.chains,
        "kept_residues": receptor.kept,
        "removed_residues": receptor.removed,
        "changed_residues": receptor.changed,
    }
