"""Target and antibody made ready for RFantibody: heavy atoms of proteins, in chains H, L and T, numbered anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gemmi

from omtx_worker.failure import user_failure
from omtx_worker.runners.antibody_input import Antibody, Structure
from omtx_worker.runners.quiver import read_design
from omtx_worker.runners.uploaded_structures import (
    choose_alternates,
    choose_chains,
    plain_methionines,
    residue_name,
    structure_of,
    text_of,
)

CHAIN_GAP = 200
"""Between the numbers of two target chains, so that nobody takes them for one."""

MAX_TARGET_RESIDUES = 2_000
_LOOPS = {
    "H": (115, {"H1": (26, 32), "H2": (52, 56), "H3": (95, 102)}),
    "L": (110, {"L1": (24, 34), "L2": (50, 56), "L3": (89, 97)}),
}
"""By Chothia: the last residue of the variable domain that is used, and the loops, ends included."""

_BACKBONE = ("N", "CA", "C")


@dataclass(frozen=True)
class Target:
    """The target as written: its residues by author numbering, in order, hotspots by the new one, and changes."""

    residues: list[str]
    hotspots: list[str]
    changed: list[str]


@dataclass(frozen=True)
class Part:
    """Some chains of an uploaded structure."""

    name: str
    format: str
    chains: list[str] | None


def write_target(given: Structure, hotspots: list[str], uploaded: Path, path: Path) -> Target:
    """Write the target as chain T; a `Failure` when a hotspot is not in it."""
    model, changed = _protein(Part(given.name, given.format, given.chains), uploaded)
    target = gemmi.Chain("T")
    numbers: dict[str, int] = {}
    number = 0
    for chain in model:
        number += CHAIN_GAP if number else 0
        for residue in chain:
            number += 1
            numbers[f"{chain.name}{residue.seqid}".strip()] = number
            _append(target, residue, number)
    if len(numbers) > MAX_TARGET_RESIDUES:
        message = f"{given.name} has {len(numbers)} residues, the most is {MAX_TARGET_RESIDUES}: choose chains"
        raise user_failure("too_large", message)
    if missing := [hotspot for hotspot in hotspots if hotspot not in numbers]:
        have = f"{next(iter(numbers))} to {list(numbers)[-1]}"
        message = f"there is no residue {', '.join(missing)} in {given.name}, which has {have}"
        raise user_failure("no_hotspot", message)
    path.write_text(_pdb([target]))
    return Target(list(numbers), [f"T{numbers[hotspot]}" for hotspot in hotspots], changed)


def write_antibody(given: Antibody, uploaded: Path, path: Path) -> dict[str, int]:
    """Write the variable domains of a Chothia-numbered antibody with its loops marked; how long each loop is."""
    names = [name for name in (given.heavy, given.light) if name is not None]
    model, _ = _protein(Part(given.name, given.format, names), uploaded)
    chains: list[gemmi.Chain] = []
    labels: list[tuple[int, str]] = []
    number = 0
    for letter, name in zip("HL", names, strict=False):
        last, loops = _LOOPS[letter]
        chain = gemmi.Chain(letter)
        for residue in (one for one in model[name] if one.seqid.num <= last):
            number += 1
            labels += [(number, loop) for loop, (low, high) in loops.items() if low <= residue.seqid.num <= high]
            _append(chain, residue, number)
        chains.append(chain)
        missing = [loop for loop in loops if loop not in {label for _, label in labels}]
        if missing:
            words = f"{given.name} has no loop {', '.join(missing)} in chain {name}: is it numbered by Chothia?"
            raise user_failure("not_chothia", words)
    marks = "".join(
        f"REMARK PDBinfo-LABEL: {number:4d} {loop}\n" for number, loop in sorted(labels, key=lambda one: one[1])
    )
    path.write_text(_pdb(chains) + marks)
    return loop_lengths(path.read_text())


def loop_lengths(hlt: str) -> dict[str, int]:
    """How long each marked loop of a framework is."""
    return {loop: len(letters) for loop, letters in read_design(hlt).loops.items()}


def _protein(part: Part, uploaded: Path) -> tuple[gemmi.Model, list[str]]:
    """The chosen chains' residues that have a backbone; what was left out or changed is listed."""
    structure = structure_of(part, text_of(uploaded, f"the file of {part.name}"))
    changed = [f"the first of {len(structure)} models was taken"] if len(structure) > 1 else []
    del structure[1:]
    model = structure[0]
    choose_chains(model, part)
    changed += choose_alternates(model)
    changed += plain_methionines(model)
    structure.remove_hydrogens()
    for chain in model:
        for index in reversed(range(len(chain))):
            if not _is_amino_acid(chain[index]):
                if chain[index].het_flag == "A":
                    changed.append(f"{residue_name(chain, chain[index])} was left out")
                del chain[index]
    structure.remove_empty_chains()
    if not len(model):
        raise user_failure("no_atom_records", f"the chosen chains of {part.name} have no protein residues")
    return model, changed


def _is_amino_acid(residue: gemmi.Residue) -> bool:
    known = gemmi.find_tabulated_residue(residue.name)
    standard = known.is_amino_acid() and known.is_standard()
    return standard and all(residue.find_atom(name, "*") for name in _BACKBONE)


def _append(chain: gemmi.Chain, residue: gemmi.Residue, number: int) -> None:
    copy = residue.clone()
    copy.seqid = gemmi.SeqId(number, " ")
    chain.add_residue(copy)


def _pdb(chains: list[gemmi.Chain]) -> str:
    structure = gemmi.Structure()
    model = gemmi.Model(1)
    for chain in chains:
        model.add_chain(chain)
    structure.add_model(model)
    text = structure.make_pdb_string(gemmi.PdbWriteOptions(minimal=True))
    return "".join(f"{line}\n" for line in text.splitlines() if line.startswith(("ATOM", "TER")))
