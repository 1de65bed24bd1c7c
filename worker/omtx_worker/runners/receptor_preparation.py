"""An uploaded receptor made ready for Vina: what stays, what goes, hydrogens, atom types; each choice is listed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np

from omtx_worker.failure import Failure, system_failure, user_failure
from omtx_worker.ligands import VINA_ELEMENTS
from omtx_worker.protocol import Box
from omtx_worker.runners import open_babel
from omtx_worker.runners.docking_input import Receptor
from omtx_worker.runners.poses import read_positions
from omtx_worker.runners.uploaded_structures import (
    choose_alternates,
    choose_chains,
    plain_methionines,
    residue_name,
    structure_of,
    text_of,
)

PDB_FILE = "receptor.pdb"
MAX_ATOMS = 60_000
"""Heavy atoms. With its polar hydrogens, a PDBQT can number no more than 99,999 atoms."""

VINA_METALS = frozenset({"Mg", "Mn", "Zn", "Ca", "Fe"})
"""Metals that AutoDock Vina 1.1.2 has parameters for."""

VINA_TYPES = frozenset(
    {"H", "HD", "HS", "C", "A", "N", "NA", "NS", "O", "OA", "OS", "F", "P", "S", "SA", "Cl", "CL", "Br", "BR", "I"}
    | VINA_METALS
    | {metal.upper() for metal in VINA_METALS}
)

_VINA_ELEMENTS = VINA_ELEMENTS | VINA_METALS
_HYDROGENS = ("H", "HD", "HS")
_NEAR_ANGSTROM = 4.0


@dataclass(frozen=True)
class PreparedReceptor:
    """What became of the receptor's parts, each residue as `HEM A 601`.

    `chains` are those used, null when nobody chose; `kept` the hetero residues that stayed, `removed` those that did
    not (waters are only counted), `changed` what else was done.
    """

    chains: list[str] | None
    kept: list[str]
    removed: list[str]
    changed: list[str]


def as_given(receptor: Receptor, uploaded: Path, target: Path) -> PreparedReceptor:
    """Take a PDBQT as it is, if Vina can read it."""
    text = text_of(uploaded, "the receptor's file")
    atoms = [line for line in text.splitlines() if line.startswith(("ATOM", "HETATM"))]
    if not atoms:
        raise user_failure("no_atoms", f"{receptor.name} has no ATOM records: is it a PDBQT file?")
    if any(line.startswith(("ROOT", "BRANCH", "MODEL")) for line in text.splitlines()):
        raise user_failure(
            "not_rigid", f"{receptor.name} is a ligand or has flexible parts; a rigid receptor is needed"
        )
    _refuse_untyped(atoms)
    target.write_text(text)
    return PreparedReceptor(chains=None, kept=[], removed=[], changed=[])


def prepare(receptor: Receptor, uploaded: Path, target: Path) -> PreparedReceptor:
    """Write the PDBQT of a PDB or mmCIF file."""
    structure = structure_of(receptor, text_of(uploaded, "the receptor's file"))
    changed: list[str] = []
    if len(structure) > 1:
        changed.append(f"the first of {len(structure)} models was taken")
        del structure[1:]
    model = structure[0]
    choose_chains(model, receptor)
    changed += choose_alternates(model)
    kept, removed = _choose_residues(model, receptor)
    changed += plain_methionines(model)
    structure.remove_hydrogens()
    structure.remove_empty_chains()
    _refuse_unknown_elements(model)
    _write_pdb(structure, target.with_name(PDB_FILE))
    open_babel.receptor_pdbqt(PDB_FILE, target.name, target.parent)
    _name_residues_again(target, model)
    _check_written(target, model.count_atom_sites())
    return PreparedReceptor(chains=receptor.chains, kept=kept, removed=removed, changed=changed)


def check_box(box: Box, pdbqt: str) -> None:
    """Refuse a box that nothing of the receptor comes near."""
    reach = [edge / 2 + _NEAR_ANGSTROM for edge in box.size]
    for position in read_positions(pdbqt).values():
        if all(abs(position[i] - box.center[i]) <= reach[i] for i in range(3)):
            return
    raise user_failure(
        "box_empty", "no atom of the receptor lies in or near the box: does its centre fit the receptor?"
    )


def _choose_residues(model: gemmi.Model, receptor: Receptor) -> tuple[list[str], list[str]]:
    """Remove waters and hetero residues that were not chosen; the names of those that stayed and went."""
    wanted = None if receptor.keep is None else {name.upper() for name in receptor.keep}
    kept: list[str] = []
    removed: list[str] = []
    waters = 0
    for chain in model:
        gone = []
        for index, residue in enumerate(chain):
            if residue.is_water():
                waters += 1
            elif len(residue) and _is_polymer(residue):
                continue
            elif len(residue) and (_is_vina_metal(residue) if wanted is None else residue.name.upper() in wanted):
                kept.append(residue_name(chain, residue))
                continue
            elif len(residue):
                removed.append(residue_name(chain, residue))
            gone.append(index)
        for index in reversed(gone):
            del chain[index]
    if wanted and (missing := wanted - {name.split()[0].upper() for name in kept}):
        message = f"there is no {', '.join(sorted(missing))} to keep in the chosen chains of {receptor.name}"
        raise user_failure("no_residue", message)
    if waters:
        removed.append(f"{waters} waters")
    return kept, removed


def _is_polymer(residue: gemmi.Residue) -> bool:
    return residue.entity_type == gemmi.EntityType.Polymer or residue.het_flag == "A"


def _is_vina_metal(residue: gemmi.Residue) -> bool:
    return len(residue) == 1 and residue[0].element.name in VINA_METALS


def _refuse_unknown_elements(model: gemmi.Model) -> None:
    faults = [
        f"{residue_name(chain, residue)} ({', '.join(unknown)})"
        for chain in model
        for residue in chain
        if (unknown := sorted({atom.element.name for atom in residue} - _VINA_ELEMENTS))
    ]
    if faults:
        raise _untyped(faults)


def _untyped(residues: list[str]) -> Failure:
    more = f" and {len(residues) - 10} more" if len(residues) > 10 else ""
    message = f"Vina has no atom types for these residues of the receptor: {'; '.join(residues[:10])}{more}"
    return user_failure("untyped_residues", message)


def _refuse_untyped(atom_lines: list[str]) -> None:
    """Refuse a PDBQT with types that Vina does not know, naming the residues."""
    faults = {
        f"{line[17:20].strip()} {line[21:22]} {line[22:27].strip()} ({line[77:79].strip() or 'no type'})": None
        for line in atom_lines
        if line[77:79].strip() not in VINA_TYPES
    }
    if faults:
        raise _untyped(list(faults))


def _write_pdb(structure: gemmi.Structure, path: Path) -> None:
    atoms = structure[0].count_atom_sites()
    if atoms == 0:
        raise user_failure("no_atoms", "nothing is left of the receptor")
    if atoms > MAX_ATOMS:
        raise user_failure("too_large", f"the receptor has {atoms} atoms, the most is {MAX_ATOMS}: choose chains")
    structure.shorten_chain_names()
    structure.shorten_ccd_codes()
    structure.write_pdb(str(path), gemmi.PdbWriteOptions(minimal=True))


def _name_residues_again(path: Path, model: gemmi.Model) -> None:
    """Give every atom the name, residue and chain it came with.

    Adding hydrogens makes Open Babel guess residues and chains anew and number them from 1. Its heavy atoms still
    stand where they stood; a hydrogen belongs to the residue of the nearest of them.
    """
    places = [cra.atom.pos.tolist() for cra in model.all()]
    names = [
        f"{cra.atom.padded_name():<4} {cra.residue.name:>3.3} {cra.chain.name[:1]}{cra.residue.seqid.num:>4}"
        f"{cra.residue.seqid.icode}"
        for cra in model.all()
    ]
    known = np.array(places)
    lines = path.read_text().splitlines(keepends=True)
    serial = 0
    for number, line in enumerate(lines):
        if line.startswith(("ATOM", "HETATM")):
            serial += 1
            place = np.array([float(line[30:38]), float(line[38:46]), float(line[46:54])])
            nearest = int(((known - place) ** 2).sum(axis=1).argmin())
            name = names[nearest]
            if line[77:79].strip() in _HYDROGENS:
                name = f" H   {name[5:]}"
            lines[number] = f"{line[:6]}{serial:>5} {name}{line[27:]}"
    path.write_text("".join(lines))


def _check_written(path: Path, heavy_atoms: int) -> None:
    """Open Babel ends well also when it wrote nothing or a part."""
    atoms = [line for line in path.read_text().splitlines() if line.startswith(("ATOM", "HETATM"))]
    _refuse_untyped(atoms)
    written = sum(1 for line in atoms if line[77:79].strip() not in _HYDROGENS)
    if written != heavy_atoms:
        raise system_failure("open_babel", f"Open Babel wrote {written} of the receptor's {heavy_atoms} heavy atoms")
