"""The inputs and parameters of RFantibody and their rules, before any file is read."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from omtx_worker.protocol import FileName, RunRequest, Shape
from omtx_worker.runners.input_shapes import ChainName, Name, Range, check_file, validated

DESIGNS = Range(1, 50, 10)
RECYCLES = Range(1, 20, 10)
LOOP_RESIDUES = (1, 30)
FRAMEWORKS = ("vhh", "scfv", "fab")
HEAVY_LOOPS, LIGHT_LOOPS = ("H1", "H2", "H3"), ("L1", "L2", "L3")

LIMITS: dict[str, Any] = {
    "designs": DESIGNS.declaration(),
    "rf2_recycles": RECYCLES.declaration(),
    "frameworks": list(FRAMEWORKS),
    "loop_residues": {"min": LOOP_RESIDUES[0], "max": LOOP_RESIDUES[1]},
}

Framework = Literal["vhh", "scfv", "fab"]
Loop = Literal["H1", "H2", "H3", "L1", "L2", "L3"]
Hotspot = Annotated[str, Field(pattern=r"^[A-Za-z0-9]-?[0-9]{1,4}[A-Z]?$", description="chain and number, as A123")]
_LENGTHS = re.compile(r"^([0-9]{1,2})(?:-([0-9]{1,2}))?$")


class Structure(Shape):
    """An uploaded structure; `file` is its name among the run's inputs, `chains` are author names, null for all."""

    name: Name
    format: Literal["pdb", "mmcif"]
    file: FileName
    chains: list[ChainName] | None = Field(default=None, min_length=1)


class Antibody(Shape):
    """A known antibody, numbered by Chothia, by which its loops are found."""

    name: Name
    format: Literal["pdb", "mmcif"]
    file: FileName
    heavy: ChainName
    light: ChainName | None = None


class DesignInput(Shape):
    """Input of the design tasks; hotspots are residues of the target by author numbering, as `A123`."""

    target: Structure
    hotspots: list[Hotspot] = Field(default_factory=list, max_length=50)
    framework: Framework = "vhh"

    @field_validator("hotspots")
    @classmethod
    def different(cls, hotspots: list[str]) -> list[str]:
        """Refuse a residue that is named twice."""
        if len(set(hotspots)) != len(hotspots):
            raise ValueError("a hotspot is named twice")
        return hotspots


class NanobodyInput(DesignInput):
    """Input of `nanobody_design`."""

    framework: Literal["vhh"] = "vhh"


class DeNovoInput(DesignInput):
    """Input of `antibody_de_novo_design`."""

    framework: Framework = "scfv"


class EpitopeInput(DesignInput):
    """Input of `epitope_targeted_design`."""

    hotspots: list[Hotspot] = Field(min_length=1, max_length=50)


class OptimizationInput(Shape):
    """Input of `cdr_optimization`: new loops for a known antibody, as long as they are; its pose is found anew."""

    target: Structure
    hotspots: list[Hotspot] = Field(default_factory=list, max_length=50)
    antibody: Antibody
    loops: list[Loop] = Field(default_factory=lambda: ["H3"], min_length=1, max_length=6)

    @model_validator(mode="after")
    def of_its_chains(self) -> OptimizationInput:
        """Refuse loops of a chain that is not there."""
        if self.antibody.light is None and any(loop in LIGHT_LOOPS for loop in self.loops):
            raise ValueError("an antibody without a light chain has no loops L1 to L3")
        return self


class DesignParameters(Shape):
    """How many designs, how long their loops are (`"5-13"` or `"7"`), and how carefully they are judged."""

    designs: int = DESIGNS.field()
    rf2_recycles: int = RECYCLES.field()
    loops: dict[Loop, str] = Field(default_factory=dict)

    @field_validator("loops")
    @classmethod
    def lengths(cls, loops: dict[Loop, str]) -> dict[Loop, str]:
        """Refuse lengths that are none."""
        least, most = LOOP_RESIDUES
        for loop, text in loops.items():
            match = _LENGTHS.match(text)
            low = int(match[1]) if match else 0
            high = int(match[2] or match[1]) if match else 0
            if not least <= low <= high <= most:
                raise ValueError(f"the length of {loop} must be a number or a range of {least} to {most} residues")
        return loops


_INPUTS: dict[str, type[Shape]] = {
    "nanobody_design": NanobodyInput,
    "antibody_de_novo_design": DeNovoInput,
    "epitope_targeted_design": EpitopeInput,
    "cdr_optimization": OptimizationInput,
}


def read(asked: RunRequest) -> tuple[DesignInput | OptimizationInput, DesignParameters]:
    """Input and parameters with their defaults filled in; a `Failure` when they break a rule."""
    given = validated(_INPUTS[asked.task], asked.input, "input")
    if not isinstance(given, (DesignInput, OptimizationInput)):
        raise TypeError(type(given).__name__)
    return given, validated(DesignParameters, asked.parameters, "parameters")


def check(asked: RunRequest) -> None:
    """Refuse a design run that cannot succeed, naming the field at fault."""
    given, _ = read(asked)
    check_file(asked, given.target.file, "input.target.file", "the target's file")
    if isinstance(given, OptimizationInput):
        check_file(asked, given.antibody.file, "input.antibody.file", "the antibody's file")
