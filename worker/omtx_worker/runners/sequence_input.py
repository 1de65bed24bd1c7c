"""The inputs and parameters of Boltz-2 and Chai-1 and their rules, before any chemistry and before any file is read."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from pydantic import Field, field_validator, model_validator

from omtx_worker import sequences
from omtx_worker.failure import Failure
from omtx_worker.protocol import FileName, RunRequest, Shape
from omtx_worker.runners.input_shapes import Name, Range, check_file, validated
from omtx_worker.smiles import MAX_SMILES_CHARACTERS, syntax_problem

RECYCLING_STEPS = Range(1, 10, 3)
SAMPLING_STEPS = Range(50, 500, 200)
SAMPLES = Range(1, 5, 1)
SITE_SAMPLES = Range(1, 5, 5)
CHAI_SAMPLES = Range(1, 5, 5)
AFFINITY_SAMPLES = Range(1, 10, 5)
SEED = Range(0, 2**31 - 1, 1)
COPIES = Range(1, 12, 1)
MAX_MOLECULES = 20
"""Most different proteins, and most different ligands, of one complex."""

CHAI_TOKENS = 2_048
AFFINITY_HEAVY_ATOMS = 128
AFFINITY_TRAINED_ATOMS = 56
"""The affinity of a larger ligand is given with a caution."""

_SEQUENCE_LIMITS: dict[str, Any] = {
    "residues_per_chain": {"min": sequences.SHORTEST, "max": sequences.LONGEST},
    "smiles_characters": MAX_SMILES_CHARACTERS,
    "proteins": MAX_MOLECULES,
    "ligands": MAX_MOLECULES,
    "copies": COPIES.declaration(),
    "recycling_steps": RECYCLING_STEPS.declaration(),
    "sampling_steps": SAMPLING_STEPS.declaration(),
    "seed": SEED.declaration(),
}
BOLTZ_LIMITS = _SEQUENCE_LIMITS | {
    "diffusion_samples": SAMPLES.declaration(),
    "affinity_samples": AFFINITY_SAMPLES.declaration(),
    "affinity_heavy_atoms": AFFINITY_HEAVY_ATOMS,
}
CHAI_LIMITS = _SEQUENCE_LIMITS | {"diffusion_samples": CHAI_SAMPLES.declaration(), "tokens": CHAI_TOKENS}


class Protein(Shape):
    """A protein chain. `msa` names an uploaded alignment among the run's inputs; with mutations, of the wild type."""

    name: Name
    sequence: str
    mutations: list[Annotated[str, Field(max_length=20)]] = Field(default_factory=list, max_length=50)
    msa: FileName | None = None
    copies: int = COPIES.field()

    @field_validator("sequence")
    @classmethod
    def letters(cls, sequence: str) -> str:
        """Refuse what is no sequence, and leave out header and white space."""
        if problem := sequences.problem(sequence):
            raise ValueError(problem.message)
        return sequences.clean(sequence)

    @model_validator(mode="after")
    def fitting(self) -> Protein:
        """Refuse mutations that do not fit the wild type."""
        sequences.mutated(self.sequence, self.mutations)
        return self

    def folded(self) -> str:
        """The sequence that is folded: the wild type's with the mutations."""
        return sequences.mutated(self.sequence, self.mutations)


class SmallMolecule(Shape):
    """A ligand, as SMILES or by its code in the Chemical Component Dictionary."""

    name: Name
    smiles: str | None = None
    ccd: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,5}$")] | None = None

    @field_validator("smiles")
    @classmethod
    def syntax(cls, smiles: str | None) -> str | None:
        """Refuse what cannot be SMILES before RDKit is asked."""
        if smiles is not None and (problem := syntax_problem(smiles)):
            raise ValueError(problem.message)
        return smiles.strip() if smiles is not None else None

    @model_validator(mode="after")
    def one_kind(self) -> SmallMolecule:
        """Refuse both and neither."""
        if (self.smiles is None) == (self.ccd is None):
            raise ValueError("give a ligand's SMILES or its CCD code")
        return self


class Cofactor(SmallMolecule):
    """A ligand of a complex, once or several times."""

    copies: int = COPIES.field()


class StructureInput(Shape):
    """Input of `protein_structure`."""

    target: Protein


class ComplexInput(Shape):
    """Input of `protein_complex`."""

    proteins: list[Protein] = Field(min_length=1, max_length=MAX_MOLECULES)
    ligands: list[Cofactor] = Field(default_factory=list, max_length=MAX_MOLECULES)

    @model_validator(mode="after")
    def several(self) -> ComplexInput:
        """Refuse a single chain."""
        if sum(one.copies for one in (*self.proteins, *self.ligands)) < 2:
            raise ValueError("a complex has at least two chains")
        return self


class BindingInput(Shape):
    """Input of `protein_ligand_binding` and `binding_site_prediction`: one ligand, once."""

    target: Protein
    ligand: SmallMolecule


class Parameters(Shape):
    """How hard a model searches."""

    recycling_steps: int = RECYCLING_STEPS.field()
    sampling_steps: int = SAMPLING_STEPS.field()
    diffusion_samples: int = SAMPLES.field()
    seed: int = SEED.field()


class BindingParameters(Parameters):
    """With those of the affinity."""

    affinity_samples: int = AFFINITY_SAMPLES.field()


class SiteParameters(Parameters):
    """Several structures, in which contacts are counted."""

    diffusion_samples: int = SITE_SAMPLES.field()


class ChaiParameters(Parameters):
    """With Chai's own number of structures."""

    diffusion_samples: int = CHAI_SAMPLES.field()


class Molecules(NamedTuple):
    """What is folded together, whatever the task calls it."""

    proteins: list[Protein]
    ligands: list[Cofactor]


_INPUTS: dict[str, tuple[type[Shape], type[Parameters]]] = {
    "protein_structure": (StructureInput, Parameters),
    "protein_complex": (ComplexInput, Parameters),
    "protein_ligand_binding": (BindingInput, BindingParameters),
    "binding_site_prediction": (BindingInput, SiteParameters),
}


def read_boltz(asked: RunRequest) -> tuple[Molecules, Parameters]:
    """Molecules and parameters with their defaults filled in; a `Failure` when they break a rule."""
    shape, parameters = _INPUTS[asked.task]
    return _molecules(validated(shape, asked.input, "input")), validated(parameters, asked.parameters, "parameters")


def read_chai(asked: RunRequest) -> tuple[Molecules, Parameters]:
    """The same for Chai-1, which takes SMILES only and a limited number of tokens."""
    shape, _ = _INPUTS[asked.task]
    molecules = _molecules(validated(shape, asked.input, "input"))
    for index, ligand in enumerate(molecules.ligands):
        if ligand.smiles is None:
            raise Failure("user", "invalid", "Chai-1 takes ligands as SMILES only", f"input.ligands.{index}.ccd")
    residues = sum(len(protein.sequence) * protein.copies for protein in molecules.proteins)
    if residues > CHAI_TOKENS:
        message = f"the complex has {residues} residues, the most that Chai-1 takes is {CHAI_TOKENS} tokens"
        raise Failure("user", "too_large", message, "input")
    return molecules, validated(ChaiParameters, asked.parameters, "parameters")


def check_boltz(asked: RunRequest) -> None:
    """Refuse a Boltz-2 run that cannot succeed, naming the field at fault."""
    _check_files(asked, read_boltz(asked)[0])


def check_chai(asked: RunRequest) -> None:
    """Refuse a Chai-1 run that cannot succeed, naming the field at fault."""
    _check_files(asked, read_chai(asked)[0])


def _molecules(given: Shape) -> Molecules:
    if isinstance(given, ComplexInput):
        return Molecules(given.proteins, given.ligands)
    if isinstance(given, BindingInput):
        return Molecules([given.target], [Cofactor(**given.ligand.model_dump())])
    if isinstance(given, StructureInput):
        return Molecules([given.target], [])
    raise TypeError(type(given).__name__)


def _check_files(asked: RunRequest, molecules: Molecules) -> None:
    for index, protein in enumerate(molecules.proteins):
        if protein.msa is not None:
            field = f"input.proteins.{index}.msa" if "proteins" in asked.input else "input.target.msa"
            check_file(asked, protein.msa, field, "the alignment")
