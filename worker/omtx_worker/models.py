"""What is offered: each model's tasks, limits and files, and why a model cannot run here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from omtx_worker import targets
from omtx_worker.protocol import MAX_LIGANDS, Model, ModelsAnswer, OutputDeclaration, RunRequest
from omtx_worker.runners import antibody_input, docking_input, sequence_input
from omtx_worker.runners.docking_input import BOX_EDGE_ANGSTROM, EXHAUSTIVENESS, POSES, SEED
from omtx_worker.smiles import MAX_SMILES_CHARACTERS

VINA_VERSION = "1.1.2"
BOLTZ_VERSION = "2.2.1"
CHAI_VERSION = "0.6.1"
RFANTIBODY_COMMIT = "723ab79bf9897e04614ef1b7856e7ff5d02b7ac6"

LEAST_GPU_HOURS = 1.0
"""With less than this left of its budget, a model takes no more runs."""

MAX_STRUCTURES = 5
"""Most structures of one prediction."""

MAX_DESIGNS = antibody_input.DESIGNS.most


def _file(name: str, kind: str, media_type: str) -> OutputDeclaration:
    return OutputDeclaration(name=name, kind=kind, media_type=media_type)


_METRICS, _LOG = _file("metrics.json", "metrics", "application/json"), _file("log.txt", "log", "text/plain")
_EXTRA = _file("extra.zip", "extra", "application/zip")
_STRUCTURES = [_file(f"model_{rank}.cif", "structure", "chemical/x-mmcif") for rank in range(MAX_STRUCTURES)]
_CONFIDENCES = [_file(f"confidence_{rank}.json", "confidence", "application/json") for rank in range(MAX_STRUCTURES)]

VINA_OUTPUTS = [
    _file("poses.sdf", "poses", "chemical/x-mdl-sdfile"),
    _file("poses.pdbqt", "poses", "chemical/x-pdbqt"),
    _file("receptor.pdbqt", "receptor", "chemical/x-pdbqt"),
    _file("ligand.pdbqt", "ligand", "chemical/x-pdbqt"),
    _METRICS,
    _LOG,
    _EXTRA,
]

BOLTZ_OUTPUTS = [
    *_STRUCTURES,
    *_CONFIDENCES,
    _file("affinity.json", "affinity", "application/json"),
    _file("plddt.json", "plddt", "application/json"),
    _file("pae.json", "pae", "application/json"),
    _file("binding_site.json", "binding_site", "application/json"),
    _file("input.yaml", "input", "application/yaml"),
    _METRICS,
    _LOG,
    _EXTRA,
]

CHAI_OUTPUTS = [
    *_STRUCTURES,
    *_CONFIDENCES,
    _file("plddt.json", "plddt", "application/json"),
    _file("input.fasta", "input", "text/x-fasta"),
    _METRICS,
    _LOG,
    _EXTRA,
]

RFANTIBODY_OUTPUTS = [
    _file("designs.json", "designs", "application/json"),
    _file("designs.zip", "structures", "application/zip"),
    _file("best.pdb", "structure", "chemical/x-pdb"),
    _file("target.pdb", "input", "chemical/x-pdb"),
    _METRICS,
    _LOG,
    _EXTRA,
]


@dataclass(frozen=True)
class GpuModel:
    """A model that needs a GPU; a run of it may take `deadline_s` at most, `price_per_hour` is in US dollars."""

    id: str
    tasks: list[str]
    version: str
    gpu: str
    price_per_hour: float
    deadline_s: int
    outputs: list[OutputDeclaration]
    limits: dict[str, Any] = field(default_factory=dict)


GPU_MODELS = [
    GpuModel(
        id="boltz2",
        tasks=["protein_ligand_binding", "protein_structure", "protein_complex", "binding_site_prediction"],
        version=BOLTZ_VERSION,
        gpu="H100",
        price_per_hour=3.95,
        deadline_s=6 * 3_600,
        outputs=BOLTZ_OUTPUTS,
        limits=sequence_input.BOLTZ_LIMITS,
    ),
    GpuModel(
        id="chai1",
        tasks=["protein_structure", "protein_complex"],
        version=CHAI_VERSION,
        gpu="A100-80GB",
        price_per_hour=2.5,
        deadline_s=6 * 3_600,
        outputs=CHAI_OUTPUTS,
        limits=sequence_input.CHAI_LIMITS,
    ),
    GpuModel(
        id="rfantibody",
        tasks=["nanobody_design", "cdr_optimization", "epitope_targeted_design", "antibody_de_novo_design"],
        version=RFANTIBODY_COMMIT[:8],
        gpu="A100-80GB",
        price_per_hour=2.5,
        deadline_s=12 * 3_600,
        outputs=RFANTIBODY_OUTPUTS,
        limits=antibody_input.LIMITS,
    ),
]

_NO_GPU = "needs a GPU; this gateway runs on a machine without one"
_CHECKS: dict[str, Callable[[RunRequest], None]] = {
    "vina": docking_input.check,
    "boltz2": sequence_input.check_boltz,
    "chai1": sequence_input.check_chai,
    "rfantibody": antibody_input.check,
}


def check(asked: RunRequest) -> None:
    """Refuse a run that cannot succeed, naming the field at fault."""
    _CHECKS[asked.model](asked)


def local_models(slots: int, queue: int) -> ModelsAnswer:
    """The models as a machine without a GPU offers them, with `slots` at the same time and `queue` waiting."""
    return ModelsAnswer(models=[vina(slots, queue), *(_unavailable(model) for model in GPU_MODELS)])


def remote_models(
    slots: Mapping[str, int], maintenance: Mapping[str, str], hours_left: Callable[[str], float | None]
) -> ModelsAnswer:
    """The models as they are offered where there are GPUs; as many as there are slots may wait."""
    docking = vina(slots["vina"], slots["vina"])
    docking.maintenance = maintenance.get("vina")
    offered = [docking]
    for model in GPU_MODELS:
        left = hours_left(model.id)
        used_up = left is not None and left < LEAST_GPU_HOURS
        offered.append(
            Model(
                id=model.id,
                available=not used_up,
                reason="has less than one GPU hour left of this month's budget" if used_up else None,
                tasks=model.tasks,
                version=model.version,
                gpu=model.gpu,
                slots=slots[model.id],
                queue=slots[model.id],
                price_per_hour=model.price_per_hour,
                maintenance=maintenance.get(model.id),
                gpu_hours_left=left,
                outputs=model.outputs,
                limits=model.limits,
            )
        )
    return ModelsAnswer(models=offered)


def vina(slots: int, queue: int) -> Model:
    """AutoDock Vina on one CPU per run."""
    return Model(
        id="vina",
        available=True,
        tasks=["docking"],
        version=VINA_VERSION,
        gpu=None,
        slots=slots,
        queue=queue,
        price_per_hour=0,
        outputs=VINA_OUTPUTS,
        targets=list(targets.named_targets().values()),
        limits={
            "exhaustiveness": EXHAUSTIVENESS.declaration(),
            "poses": POSES.declaration(),
            "seed": SEED.declaration(),
            "box_edge_angstrom": {"min": BOX_EDGE_ANGSTROM[0], "max": BOX_EDGE_ANGSTROM[1]},
            "smiles_characters": MAX_SMILES_CHARACTERS,
            "ligands_per_check": MAX_LIGANDS,
        },
    )


def _unavailable(model: GpuModel) -> Model:
    return Model(
        id=model.id,
        available=False,
        reason=_NO_GPU,
        tasks=model.tasks,
        version=None,
        gpu=None,
        slots=0,
        queue=0,
        price_per_hour=0,
    )
