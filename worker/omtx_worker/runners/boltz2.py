"""Boltz-2 on one GPU: structures with their confidences, affinities of a ligand, residues that it touches.

Success is the files: Boltz skips what it cannot do, and ends with exit code 0 all the same.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from omtx_worker import settings
from omtx_worker.failure import system_failure
from omtx_worker.models import BOLTZ_OUTPUTS, BOLTZ_VERSION
from omtx_worker.protocol import RunRequest
from omtx_worker.results import Outcome, Reports
from omtx_worker.runners import alignments, binding_site
from omtx_worker.runners.folding import (
    Complex,
    assemble,
    chain_order,
    chain_pairs,
    chain_table,
    provenance,
    there,
    write_json,
)
from omtx_worker.runners.metrics_file import Value, number, read_value, write_metrics
from omtx_worker.runners.model_program import run_program, why_without_result
from omtx_worker.runners.sequence_input import BindingParameters, Molecules, Parameters, read_boltz
from omtx_worker.runners.structure_files import Atoms, plddt_table, read_atoms

STEM = "input"
_PREDICTIONS = Path("out") / f"boltz_results_{STEM}" / "predictions" / STEM
_CONFIDENCES = (
    "confidence_score", "ptm", "iptm", "ligand_iptm", "protein_iptm",
    "complex_plddt", "complex_iplddt", "complex_pde", "complex_ipde",
)  # fmt: skip
_AFFINITIES = (
    "affinity_pred_value", "affinity_probability_binary",
    "affinity_pred_value1", "affinity_probability_binary1",
    "affinity_pred_value2", "affinity_probability_binary2",
)  # fmt: skip
_LEAST_TOKENS_OF_PTM = 20


def run(request: RunRequest, work: Path, reports: Reports) -> Outcome:
    """Predict; every file of the outcome stands in the work folder."""
    molecules, parameters = read_boltz(request)
    affinity = request.task == "protein_ligand_binding"
    chains = assemble(molecules, affinity=affinity)
    reports.size(chains.size)
    found = alignments.of_boltz(molecules.proteins, settings.msa(), work, reports)
    for index, alignment in enumerate(found):
        (work / f"msa_{index}.{alignment.form}").write_text(alignment.text)
    files = [f"msa_{index}.{alignment.form}" for index, alignment in enumerate(found)]
    (work / f"{STEM}.yaml").write_text(yaml_of(molecules, chains, files, affinity=affinity))
    printed = run_program(_command(parameters), work, "predicting", chains.size, reports)
    if not (work / _PREDICTIONS / f"{STEM}_model_0.cif").exists():
        raise why_without_result(printed, chains.size)
    reports.stage("reading results")
    structures = _take_files(work, parameters.diffusion_samples, affinity=affinity)
    asked = provenance(f"Boltz-2 (boltz {BOLTZ_VERSION})", molecules, parameters.model_dump(), chains)
    asked["alignments"] = [alignment.source for alignment in found]
    if request.task == "binding_site_prediction":
        site = binding_site.touched(structures, chains, _plddt(work, structures[0]))
        write_json(work / "binding_site.json", site)
    metrics = write_metrics(work, _values(work, chains, affinity=affinity), **_tables(work, structures, chains, asked))
    raw = sorted(path.name for path in (work / _PREDICTIONS).glob("*.npz"))
    for name in raw:
        shutil.copyfile(work / _PREDICTIONS / name, work / name)
    return Outcome(there(BOLTZ_OUTPUTS, work), [*files, *raw], metrics, asked)


def yaml_of(molecules: Molecules, chains: Complex, alignment_files: list[str], *, affinity: bool) -> str:
    """The input as Boltz reads it. Texts are written as JSON strings, which YAML reads as they are."""
    lines = ["version: 1", "sequences:"]
    for protein, file in zip(molecules.proteins, alignment_files, strict=True):
        lines += [
            "  - protein:",
            f"      id: {json.dumps(chains.letters_of(protein))}",
            f"      sequence: {json.dumps(protein.folded())}",
            f"      msa: {json.dumps(file)}",
        ]
    for ligand in molecules.ligands:
        chemistry = f"smiles: {json.dumps(ligand.smiles)}" if ligand.smiles else f"ccd: {json.dumps(ligand.ccd)}"
        lines += ["  - ligand:", f"      id: {json.dumps(chains.letters_of(ligand))}", f"      {chemistry}"]
    if affinity:
        (binder,) = chains.letters_of(molecules.ligands[0])
        lines += ["properties:", "  - affinity:", f"      binder: {json.dumps(binder)}"]
    return "\n".join(lines) + "\n"


def _command(parameters: Parameters) -> list[str]:
    command = [settings.programs().boltz, "predict", f"{STEM}.yaml", "--out_dir", "out"]
    command += ["--recycling_steps", str(parameters.recycling_steps)]
    command += ["--sampling_steps", str(parameters.sampling_steps)]
    command += ["--diffusion_samples", str(parameters.diffusion_samples)]
    command += ["--seed", str(parameters.seed), "--output_format", "mmcif", "--write_full_pae"]
    if isinstance(parameters, BindingParameters):
        command += ["--diffusion_samples_affinity", str(parameters.affinity_samples)]
    return command


def _take_files(work: Path, samples: int, *, affinity: bool) -> list[Atoms]:
    """Give the files their names, the best structure first as Boltz has it; a `Failure` when one is missing."""
    wanted = [(f"{STEM}_model_{rank}.cif", f"model_{rank}.cif") for rank in range(samples)]
    wanted += [(f"confidence_{STEM}_model_{rank}.json", f"confidence_{rank}.json") for rank in range(samples)]
    if affinity:
        wanted.append((f"affinity_{STEM}.json", "affinity.json"))
    for theirs, ours in wanted:
        if not (work / _PREDICTIONS / theirs).exists():
            raise system_failure("missing_file", f"Boltz-2 ended without its file {theirs}")
        shutil.copyfile(work / _PREDICTIONS / theirs, work / ours)
    structures = [read_atoms(work / f"model_{rank}.cif") for rank in range(samples)]
    if (plddt := _plddt(work, structures[0])) is not None:
        write_json(work / "plddt.json", plddt_table(structures[0].tokens, plddt))
    if (pae := _array(work, "pae")) is not None and pae.ndim == 2:
        write_json(work / "pae.json", {"unit": "Å", "pae": np.round(pae.astype(float), 2).tolist()})
    return structures


def _plddt(work: Path, best: Atoms) -> np.ndarray | None:
    """PLDDT of each token of the best structure, 0 to 100; none when Boltz gave it for other tokens."""
    plddt = _array(work, "plddt")
    return plddt.astype(float) * 100 if plddt is not None and plddt.shape == (len(best.tokens),) else None


def _array(work: Path, name: str) -> np.ndarray | None:
    path = work / _PREDICTIONS / f"{name}_{STEM}_model_0.npz"
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            return np.asarray(file[name])
    except (OSError, ValueError, KeyError) as error:
        raise system_failure("output", f"Boltz-2's file {path.name} cannot be read: {error}") from error


def _values(work: Path, chains: Complex, *, affinity: bool) -> dict[str, Value]:
    confidence = _read(work / "confidence_0.json")
    values = {key: read_value(confidence, key, "confidence_0.json") for key in _CONFIDENCES}
    for key, reason in _not_applicable(chains).items():
        # Boltz writes 0.0 where there is nothing to measure.
        if values[key].value == 0.0:
            values[key] = Value(None, "confidence_0.json", key, reason)
    if affinity:
        affinities = _read(work / "affinity.json")
        values |= {key: read_value(affinities, key, "affinity.json") for key in _AFFINITIES}
    return values


def _not_applicable(chains: Complex) -> dict[str, str]:
    reasons = {}
    if chains.count("protein") == 1:
        reasons["protein_iptm"] = "one protein chain"
    if not chains.count("ligand"):
        reasons["ligand_iptm"] = "no ligand"
    if len(chains.chains) == 1:
        reasons |= dict.fromkeys(("iptm", "complex_iplddt", "complex_ipde"), "one chain")
    return reasons


def _tables(work: Path, structures: list[Atoms], chains: Complex, asked: dict[str, Any]) -> dict[str, Any]:
    confidences = [_read(work / f"confidence_{rank}.json") for rank in range(len(structures))]
    order = chain_order(structures[0], chains)
    warnings = list(chains.warnings)
    if len(structures[0].tokens) < _LEAST_TOKENS_OF_PTM:
        warnings.append(f"pTM means nothing below {_LEAST_TOKENS_OF_PTM} tokens")
    return {
        "structures": [
            {"rank": rank, "file": f"model_{rank}.cif", "confidence_score": number(one.get("confidence_score"))}
            for rank, one in enumerate(confidences)
        ],
        "chains": chain_table(order, chains, confidences[0].get("chains_ptm", {})),
        "chain_pairs": chain_pairs(order, confidences[0].get("pair_chains_iptm", {})),
        "warnings": warnings,
        "provenance": asked,
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text())
    except ValueError as error:
        raise system_failure("output", f"Boltz-2's file {path.name} cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise system_failure("output", f"Boltz-2's file {path.name} holds no values")
    return values
