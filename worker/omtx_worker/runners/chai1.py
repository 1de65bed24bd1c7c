"""Chai-1 on one GPU: structures of a protein or a complex, which come unsorted and are ranked by their score here."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from omtx_worker import settings
from omtx_worker.failure import system_failure, user_failure
from omtx_worker.models import CHAI_OUTPUTS, CHAI_VERSION
from omtx_worker.protocol import RunRequest
from omtx_worker.results import Outcome, Reports
from omtx_worker.runners import alignments, folding
from omtx_worker.runners.folding import Complex, assemble, there, write_json
from omtx_worker.runners.metrics_file import Value, read_value, write_metrics
from omtx_worker.runners.model_program import run_program, why_without_result
from omtx_worker.runners.sequence_input import CHAI_TOKENS, Molecules, Parameters, read_chai
from omtx_worker.runners.structure_files import mean_b_factors, plddt_table, read_atoms

_OUT = "out"
_ALIGNMENTS = "alignments"


def run(request: RunRequest, work: Path, reports: Reports) -> Outcome:
    """Predict; every file of the outcome stands in the work folder."""
    molecules, parameters = read_chai(request)
    chains = assemble(molecules, affinity=False)
    if chains.tokens is not None and chains.tokens > CHAI_TOKENS:
        message = f"the complex has {chains.tokens} tokens, the most that Chai-1 takes is {CHAI_TOKENS}"
        raise user_failure("too_large", message)
    reports.size(chains.size)
    sources = _align(molecules, chains, work, reports)
    (work / "input.fasta").write_text(fasta_of(chains))
    command = _command(parameters, with_alignments=any(sources))
    printed = run_program(command, work, "predicting", chains.size, reports)
    scores = _take_files(work, parameters.diffusion_samples, printed, chains.size)
    reports.stage("reading results")
    structures = [read_atoms(work / f"model_{rank}.cif") for rank in range(len(scores))]
    best = structures[0]
    write_json(work / "plddt.json", plddt_table(best.tokens, mean_b_factors(best)))
    asked = folding.provenance(f"Chai-1 (chai_lab {CHAI_VERSION})", molecules, parameters.model_dump(), chains)
    asked["alignments"] = sources
    order = folding.chain_order(best, chains)
    warnings = [*chains.warnings, *([] if all(sources) else ["predicted without alignments of all proteins"])]
    metrics = write_metrics(
        work,
        _values(scores[0], chains),
        structures=[
            {
                "rank": rank,
                "file": f"model_{rank}.cif",
                "aggregate_score": one["aggregate_score"],
                "has_inter_chain_clashes": one["has_inter_chain_clashes"],
            }
            for rank, one in enumerate(scores)
        ],
        chains=folding.chain_table(order, chains, scores[0]["per_chain_ptm"]),
        chain_pairs=folding.chain_pairs(order, scores[0]["per_chain_pair_iptm"]),
        warnings=warnings,
        provenance=asked,
    )
    return Outcome(there(CHAI_OUTPUTS, work), [], metrics, asked)


def fasta_of(chains: Complex) -> str:
    """One record for each chain, named by its letter: Chai wants every name once."""
    records = []
    for chain in chains.chains:
        molecule = chain.molecule
        text = molecule.folded() if chain.kind == "protein" else molecule.smiles
        records.append(f">{chain.kind}|name={chain.letter}\n{text}\n")
    return "".join(records)


def _align(molecules: Molecules, chains: Complex, work: Path, reports: Reports) -> list[str | None]:
    """Bring alignments into Chai's form; where each came from, none for a protein that has none."""
    given = settings.msa()
    sources: list[str | None] = []
    for index, protein in enumerate(molecules.proteins):
        if protein.msa is None and given.server_url is None:
            sources.append(None)
            continue
        (alignment,) = alignments.of_boltz([protein], given, work, reports)
        if alignment.form != "a3m":
            raise user_failure("msa_form", f"Chai-1 takes the alignment of {protein.name} as A3M only")
        folder = work / f"a3m_{index}"
        folder.mkdir()
        # The name tells Chai which database the rows are taken to be from.
        (folder / "hits_uniref90.a3m").write_text(alignment.text)
        command = [settings.programs().chai, "a3m-to-pqt", folder.name, "--output-directory", _ALIGNMENTS]
        run_program(command, work, "preparing alignments", chains.size, reports)
        sources.append(alignment.source)
    return sources


def _command(parameters: Parameters, *, with_alignments: bool) -> list[str]:
    command = [settings.programs().chai, "fold", "--num-trunk-recycles", str(parameters.recycling_steps)]
    command += ["--num-diffn-timesteps", str(parameters.sampling_steps)]
    command += ["--num-diffn-samples", str(parameters.diffusion_samples), "--seed", str(parameters.seed)]
    if with_alignments:
        command += ["--msa-directory", _ALIGNMENTS]
    return [*command, "input.fasta", _OUT]


def _take_files(work: Path, samples: int, printed: str, size: str) -> list[dict[str, Any]]:
    """Rank the structures and give the files their names; the scores of each, the best first."""
    out = work / _OUT
    if not list(out.glob("pred.model_idx_*.cif")):
        raise why_without_result(printed, size)
    found = []
    for index in range(samples):
        structure, scores = out / f"pred.model_idx_{index}.cif", out / f"scores.model_idx_{index}.npz"
        for path in (structure, scores):
            if not path.exists():
                raise system_failure("missing_file", f"Chai-1 ended without its file {path.name}")
        found.append((read_scores(scores), structure))
    found.sort(key=lambda pair: -pair[0]["aggregate_score"])
    for rank, (values, structure) in enumerate(found):
        shutil.copyfile(structure, work / f"model_{rank}.cif")
        write_json(work / f"confidence_{rank}.json", values)
    return [values for values, _ in found]


def read_scores(path: Path) -> dict[str, Any]:
    """Chai's scores as JSON, tables keyed by the chain's index; the arrays have a leading axis of one."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: np.asarray(file[name])[0] for name in file.files}
        if not np.isfinite(arrays["aggregate_score"]):
            raise ValueError("the aggregate score is no number")
        return {
            "aggregate_score": float(arrays["aggregate_score"]),
            "ptm": float(arrays["ptm"]),
            "iptm": float(arrays["iptm"]),
            "per_chain_ptm": {str(index): float(value) for index, value in enumerate(arrays["per_chain_ptm"])},
            "per_chain_pair_iptm": {
                str(first): {str(second): float(value) for second, value in enumerate(row)}
                for first, row in enumerate(arrays["per_chain_pair_iptm"])
            },
            "has_inter_chain_clashes": bool(arrays["has_inter_chain_clashes"]),
        }
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise system_failure("output", f"Chai-1's file {path.name} cannot be read: {error}") from error


def _values(best: dict[str, Any], chains: Complex) -> dict[str, Value]:
    values = {key: read_value(best, key, "confidence_0.json") for key in ("aggregate_score", "ptm", "iptm")}
    if len(chains.chains) == 1 and values["iptm"].value == 0.0:
        values["iptm"] = Value(None, "confidence_0.json", "iptm", "one chain")
    return values
