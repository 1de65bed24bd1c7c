"""What this gateway offers: each model's tasks, limits and files, and why a model cannot run here."""

from __future__ import annotations

from omtx_worker import targets
from omtx_worker.protocol import MAX_LIGANDS, Model, ModelsAnswer, OutputDeclaration
from omtx_worker.runners.docking_input import BOX_EDGE_ANGSTROM, EXHAUSTIVENESS, POSES, SEED
from omtx_worker.smiles import MAX_SMILES_CHARACTERS

VINA_VERSION = "1.1.2"

VINA_OUTPUTS = [
    OutputDeclaration(name="poses.sdf", kind="poses", media_type="chemical/x-mdl-sdfile"),
    OutputDeclaration(name="poses.pdbqt", kind="poses", media_type="chemical/x-pdbqt"),
    OutputDeclaration(name="receptor.pdbqt", kind="receptor", media_type="chemical/x-pdbqt"),
    OutputDeclaration(name="ligand.pdbqt", kind="ligand", media_type="chemical/x-pdbqt"),
    OutputDeclaration(name="metrics.json", kind="metrics", media_type="application/json"),
    OutputDeclaration(name="log.txt", kind="log", media_type="text/plain"),
    OutputDeclaration(name="extra.zip", kind="extra", media_type="application/zip"),
]

_NO_GPU = "needs a GPU; this gateway runs on a machine without one"
_GPU_MODELS = {
    "boltz2": ["protein_ligand_binding", "protein_structure", "protein_complex", "binding_site_prediction"],
    "chai1": ["protein_structure", "protein_complex"],
    "rfantibody": ["nanobody_design", "cdr_optimization", "epitope_targeted_design", "antibody_de_novo_design"],
}


def local_models(slots: int, queue: int) -> ModelsAnswer:
    """The models as a machine without a GPU offers them, with `slots` at the same time and `queue` waiting."""
    return ModelsAnswer(models=[vina(slots, queue), *(_unavailable(model) for model in _GPU_MODELS)])


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


def _unavailable(model: str) -> Model:
    tasks = _GPU_MODELS[model]
    return Model(
        id=model,
        available=False,
        reason=_NO_GPU,
        tasks=tasks,
        version=None,
        gpu=None,
        slots=0,
        queue=0,
        price_per_hour=0,
    )
