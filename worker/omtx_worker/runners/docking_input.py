"""The input and parameters of a docking run and their rules, before any chemistry."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from omtx_worker import targets
from omtx_worker.protocol import Box, FileName, RunRequest, Shape
from omtx_worker.runners.input_shapes import ChainName, Name, Range, check_file, validated
from omtx_worker.smiles import syntax_problem

EXHAUSTIVENESS = Range(1, 32, 8)
POSES = Range(1, 20, 9)
SEED = Range(0, 2**31 - 1, 974_528_263)
"""The default is the seed of the published DOCKSTRING scores."""

BOX_EDGE_ANGSTROM = (5.0, 40.0)

ResidueName = Annotated[str, Field(pattern=r"^[A-Za-z0-9+-]{1,5}$")]


class DockingParameters(Shape):
    """How hard Vina searches."""

    exhaustiveness: int = EXHAUSTIVENESS.field()
    seed: int = SEED.field()
    poses: int = POSES.field()


class DockingBox(Box):
    """A search box given by a person, in Å."""

    @field_validator("size")
    @classmethod
    def edges(cls, size: tuple[float, float, float]) -> tuple[float, float, float]:
        """Refuse edges that hold no ligand or that Vina cannot search."""
        least, most = BOX_EDGE_ANGSTROM
        if not all(least <= edge <= most for edge in size):
            raise ValueError(f"each edge of the box must be {least:g} to {most:g} Å long")
        return size

    @field_validator("center")
    @classmethod
    def in_reach(cls, center: tuple[float, float, float]) -> tuple[float, float, float]:
        """Refuse coordinates that no PDB file can hold."""
        if not all(abs(coordinate) < 10_000 for coordinate in center):
            raise ValueError("the centre of the box must lie within 9,999 Å of the origin")
        return center


class Receptor(Shape):
    """An uploaded receptor.

    `file` is its name among the run's inputs. `chains` are author chain names, null for all of them. `keep` names the
    hetero residues that stay (as `ZN` or `HEM`); null keeps metal ions only, an empty list keeps none.
    """

    name: Name
    format: Literal["pdb", "mmcif", "pdbqt"]
    file: FileName
    chains: list[ChainName] | None = None
    keep: list[ResidueName] | None = None


class Target(Shape):
    """A named target, or a receptor with a box."""

    named: str | None = None
    receptor: Receptor | None = None
    box: DockingBox | None = None

    @model_validator(mode="after")
    def one_kind(self) -> Target:
        """Refuse anything but one of the two kinds."""
        if self.named is not None and (self.receptor or self.box):
            raise ValueError("a named target has its own receptor and box")
        if self.named is None and not (self.receptor and self.box):
            raise ValueError("give a named target, or a receptor with a box")
        return self

    @field_validator("named")
    @classmethod
    def known(cls, named: str | None) -> str | None:
        """Refuse a name that the gateway does not hold."""
        if named is not None and named not in targets.named_targets():
            raise ValueError(f"there is no target named {named[:40]!r}")
        return named


class Ligand(Shape):
    """The ligand as it was submitted."""

    name: Name
    smiles: str

    @field_validator("smiles")
    @classmethod
    def syntax(cls, smiles: str) -> str:
        """Refuse what cannot be SMILES before RDKit is asked."""
        if problem := syntax_problem(smiles):
            raise ValueError(problem.message)
        return smiles.strip()


class DockingInput(Shape):
    """Input of the task `docking`."""

    target: Target
    ligand: Ligand


def check(asked: RunRequest) -> None:
    """Refuse a docking run that cannot succeed, naming the field at fault."""
    given, _ = read(asked)
    if receptor := given.target.receptor:
        check_file(asked, receptor.file, "input.target.receptor.file", "the receptor's file")


def read(asked: RunRequest) -> tuple[DockingInput, DockingParameters]:
    """Input and parameters with their defaults filled in; a `Failure` when they break a rule."""
    return validated(DockingInput, asked.input, "input"), validated(DockingParameters, asked.parameters, "parameters")
