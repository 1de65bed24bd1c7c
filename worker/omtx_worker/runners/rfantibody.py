"""RFantibody on one GPU: backbones (RFdiffusion), sequences (ProteinMPNN), and their judgement (RF2)."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any

from omtx_worker import __version__, settings
from omtx_worker.failure import system_failure, user_failure
from omtx_worker.models import RFANTIBODY_COMMIT, RFANTIBODY_OUTPUTS
from omtx_worker.protocol import RunRequest
from omtx_worker.results import Outcome, Reports
from omtx_worker.runners import antibody_input, antibody_structures
from omtx_worker.runners.antibody_input import DesignInput, DesignParameters, OptimizationInput
from omtx_worker.runners.antibody_structures import Target
from omtx_worker.runners.folding import there, write_json
from omtx_worker.runners.metrics_file import KINDS, read_value, write_metrics
from omtx_worker.runners.model_program import Handling, run_program, why_without_result
from omtx_worker.runners.quiver import Design, read_design, read_quiver

PASS_INTERACTION_PAE_ANGSTROM = 10.0
PASS_RMSD_ANGSTROM = 2.0
"""Designs below both are worth a test, by RFantibody's authors."""

_BACKBONES, _SEQUENCES, _PREDICTIONS = "backbones.qv", "sequences.qv", "predictions"
_TARGET, _FRAMEWORK, _BEST = "target.pdb", "framework.pdb", "best.pdb"
_FRAMEWORKS = {"vhh": "h-NbBCII10.pdb", "scfv": "hu-4D5-8_Fv.pdb", "fab": "hu-4D5-8_Fv.pdb"}
"""RFantibody designs variable domains: of a Fab, too, it is given those alone."""

_LENGTHS = {"H1": "7", "H2": "6", "H3": "5-13", "L1": "8-13", "L2": "7", "L3": "9-11"}
_RF2_SEED = 0
_HANDLING = Handling(environment=settings.environment_of_rfantibody)
_METRICS = (
    "interaction_pae", "pae", "pred_lddt",
    "target_aligned_antibody_rmsd", "target_aligned_cdr_rmsd",
    "framework_aligned_antibody_rmsd", "framework_aligned_cdr_rmsd",
)  # fmt: skip


def run(request: RunRequest, work: Path, reports: Reports) -> Outcome:
    """Design; every file of the outcome stands in the work folder."""
    given, parameters = antibody_input.read(request)
    reports.stage("preparing the target")
    target = antibody_structures.write_target(
        given.target, list(given.hotspots), work / f"input-{given.target.file}", work / _TARGET
    )
    loops = _framework(given, parameters, work)
    size = f"{len(target.residues)} residues of the target, {parameters.designs} designs"
    reports.size(size)
    _design(loops, target, parameters, size, work, reports)
    reports.stage("reading results")
    designs = _read_designs(work, parameters.designs)
    _write_designs(designs, target, work)
    asked = _provenance(given, parameters, loops, target)
    best = designs[0][1].scores
    values = {key: read_value(best, key, _BEST) for key in _METRICS}
    metrics = write_metrics(work, values, designs=len(designs), warnings=target.changed, provenance=asked)
    return Outcome(there(RFANTIBODY_OUTPUTS, work), [_FRAMEWORK, _BACKBONES, _SEQUENCES], metrics, asked)


def _framework(given: DesignInput | OptimizationInput, parameters: DesignParameters, work: Path) -> dict[str, str]:
    """Write the framework; the lengths of the loops that are designed."""
    if isinstance(given, OptimizationInput):
        lengths = antibody_structures.write_antibody(
            given.antibody, work / f"input-{given.antibody.file}", work / _FRAMEWORK
        )
        loops = {loop: str(lengths[loop]) for loop in given.loops}
    else:
        source = settings.programs().frameworks / _FRAMEWORKS[given.framework]
        if not source.exists():
            raise system_failure("not_installed", f"RFantibody's framework {source.name} is not installed")
        shutil.copyfile(source, work / _FRAMEWORK)
        lengths = antibody_structures.loop_lengths(source.read_text())
        loops = {loop: _LENGTHS[loop] for loop in sorted(lengths)}
    if unknown := [loop for loop in parameters.loops if loop not in loops]:
        raise user_failure(
            "no_loop", f"there is no loop {', '.join(unknown)} to design here; there are {', '.join(loops)}"
        )
    return loops | {str(loop): length for loop, length in parameters.loops.items()}


def _design(
    loops: dict[str, str], target: Target, parameters: DesignParameters, size: str, work: Path, reports: Reports
) -> None:
    programs = settings.programs()
    # The three run in a folder of their own and take paths as they are given.
    work = work.resolve()
    backbones, sequences, predictions = (str(work / name) for name in (_BACKBONES, _SEQUENCES, _PREDICTIONS))
    lengths = ",".join(f"{loop}:{length}" for loop, length in loops.items())
    diffuse = [programs.rfdiffusion, "--target", str(work / _TARGET), "--framework", str(work / _FRAMEWORK)]
    diffuse += ["--output-quiver", backbones]
    diffuse += ["--num-designs", str(parameters.designs), "--design-loops", lengths, "--deterministic"]
    if target.hotspots:
        diffuse += ["--hotspots", ",".join(target.hotspots)]
    sequence = [programs.proteinmpnn, "--input-quiver", backbones, "--output-quiver", sequences]
    sequence += ["--loops", ",".join(loops), "--seqs-per-struct", "1", "--deterministic"]
    judge = [programs.rf2, "--input-quiver", sequences, "--output-dir", predictions]
    judge += ["--num-recycles", str(parameters.rf2_recycles), "--seed", str(_RF2_SEED)]
    if programs.rf2_weights:
        judge += ["--weights", str(programs.rf2_weights)]
    printed = run_program(diffuse, work, "designing backbones", size, reports, _HANDLING)
    _check_quiver(work / _BACKBONES, parameters.designs, printed, size)
    printed = run_program(sequence, work, "designing sequences", size, reports, _HANDLING)
    _check_quiver(work / _SEQUENCES, parameters.designs, printed, size)
    (work / _PREDICTIONS).mkdir(exist_ok=True)
    printed = run_program(judge, work, "predicting designs", size, reports, _HANDLING)
    if not any((work / _PREDICTIONS).glob("*_best.pdb")):
        raise why_without_result(printed, size)


def _check_quiver(path: Path, designs: int, printed: str, size: str) -> None:
    found = read_quiver(path.read_text()) if path.exists() else []
    if not found:
        raise why_without_result(printed, size)
    if len(found) != designs:
        raise system_failure("missing_file", f"RFantibody wrote {len(found)} of {designs} designs into {path.name}")


def _read_designs(work: Path, asked: int) -> list[tuple[str, Design]]:
    """Tag and design of each prediction, the best first: those that pass, then by interaction pAE, missing last."""
    paths = sorted((work / _PREDICTIONS).glob("*_best.pdb"))
    if len(paths) != asked:
        raise system_failure("missing_file", f"RF2 predicted {len(paths)} of {asked} designs")
    designs = [(path.name.removesuffix("_best.pdb"), read_design(path.read_text())) for path in paths]
    worst = float("inf")
    designs.sort(key=lambda one: (not passes(one[1]), one[1].scores.get("interaction_pae", worst), one[0]))
    return designs


def passes(design: Design) -> bool | None:
    """Whether RF2 finds the design again as it was made; none when it did not write what that is told by."""
    pae, rmsd = design.scores.get("interaction_pae"), design.scores.get("target_aligned_cdr_rmsd")
    if pae is None or rmsd is None:
        return None
    return pae < PASS_INTERACTION_PAE_ANGSTROM and rmsd < PASS_RMSD_ANGSTROM


def _write_designs(designs: list[tuple[str, Design]], target: Target, work: Path) -> None:
    rows: list[dict[str, Any]] = []
    with zipfile.ZipFile(work / "designs.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for rank, (tag, design) in enumerate(designs):
            content = (work / _PREDICTIONS / f"{tag}_best.pdb").read_bytes()
            name = f"design_{rank}.pdb"
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
            if rank == 0:
                (work / _BEST).write_bytes(content)
            values = {key: read_value(design.scores, key, name) for key in _METRICS}
            rows.append(
                {
                    "rank": rank,
                    "tag": tag,
                    "file": name,
                    "heavy": design.sequences.get("H"),
                    "light": design.sequences.get("L"),
                    "loops": design.loops,
                    "passes": passes(design),
                    "scores": {key: value.value for key, value in values.items()},
                }
            )
    rule = (
        f"interaction_pae below {PASS_INTERACTION_PAE_ANGSTROM:g} Å and target_aligned_cdr_rmsd below"
        f" {PASS_RMSD_ANGSTROM:g} Å; null when one of them is missing"
    )
    units = {key: KINDS[key].unit for key in _METRICS}
    write_json(
        work / "designs.json",
        {"passes": rule, "units": units, "designs": rows, "target_residues": target.residues},
    )


def _provenance(
    given: DesignInput | OptimizationInput, parameters: DesignParameters, loops: dict[str, str], target: Target
) -> dict[str, Any]:
    known = given.antibody.name if isinstance(given, OptimizationInput) else None
    return {
        "engine": f"RFantibody {RFANTIBODY_COMMIT[:8]}",
        "worker": __version__,
        "target": {"structure": given.target.name, "chains": given.target.chains, "residues": len(target.residues)},
        "hotspots": given.hotspots,
        "hotspots_as_written": target.hotspots,
        "framework": known or _FRAMEWORKS[given.framework],
        "loops": loops,
        "designs": parameters.designs,
        "rf2_recycles": parameters.rf2_recycles,
        "rf2_seed": _RF2_SEED,
    }
