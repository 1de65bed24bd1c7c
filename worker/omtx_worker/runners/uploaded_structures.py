"""Structures that were uploaded as PDB or mmCIF: what is read of them, and the choices that every use makes alike."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import gemmi

from omtx_worker.failure import user_failure


class Upload(Protocol):
    """What is said of an uploaded structure; `chains` are author names, null for all."""

    @property
    def name(self) -> str:
        """As its owner calls it."""

    @property
    def format(self) -> str:
        """`pdb` or `mmcif`."""

    @property
    def chains(self) -> list[str] | None:
        """The chains to use."""


def text_of(path: Path, what: str) -> str:
    """The file as text."""
    content = path.read_bytes()
    if not content.strip():
        raise user_failure("empty", f"{what} is empty")
    if b"\0" in content[:4_096]:
        raise user_failure("binary", f"{what} is not text: is it compressed?")
    return content.decode("utf-8", "replace")


def structure_of(upload: Upload, text: str) -> gemmi.Structure:
    """The structure, with all its models; a `Failure` when there is no protein in it."""
    try:
        if upload.format == "mmcif":
            structure = gemmi.make_structure_from_block(gemmi.cif.read_string(text).sole_block())
        else:
            structure = gemmi.read_pdb_string(text)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0][:200]
        raise user_failure("unparsable", f"{upload.name} cannot be read as {upload.format}: {reason}") from None
    # gemmi reads an empty or foreign file as an empty model without an error.
    atoms = [cra.residue.het_flag for model in structure for cra in model.all()]
    if not atoms:
        raise user_failure("no_atoms", f"{upload.name} has no atoms: is it a {upload.format} file?")
    if "A" not in atoms:
        raise user_failure("no_atom_records", f"{upload.name} has no ATOM records, only HETATM: there is no protein")
    structure.setup_entities()
    return structure


def choose_chains(model: gemmi.Model, upload: Upload) -> None:
    """Remove all chains but the chosen ones."""
    if upload.chains is None:
        return
    there = list(dict.fromkeys(chain.name for chain in model))
    if missing := [name for name in upload.chains if name not in there]:
        message = f"there is no chain {', '.join(missing)} in {upload.name}; it has {', '.join(there)}"
        raise user_failure("no_chain", message)
    for name in set(there) - set(upload.chains):
        model.remove_chain(name)
    if not any(residue.het_flag == "A" for chain in model for residue in chain):
        raise user_failure("no_atom_records", f"the chosen chains of {upload.name} have no ATOM records")


def choose_alternates(model: gemmi.Model) -> list[str]:
    """Keep in each residue the alternative with the highest occupancy, the first of equals; list the residues."""
    changed = []
    for chain in model:
        by_number: dict[str, list[gemmi.Residue]] = {}
        for residue in chain:
            if not residue.is_water():
                by_number.setdefault(str(residue.seqid), []).append(residue)
        for residues in by_number.values():
            occupancies: dict[str, list[float]] = {}
            for residue in residues:
                for atom in residue:
                    if atom.has_altloc():
                        occupancies.setdefault(atom.altloc, []).append(atom.occ)
            if not occupancies:
                continue
            mean = {altloc: sum(values) / len(values) for altloc, values in occupancies.items()}
            best = max(sorted(mean), key=lambda altloc: mean[altloc])
            changed.append(f"{residue_name(chain, residues[0])}: alternative {best} of {', '.join(sorted(mean))}")
            for residue in residues:
                for index in reversed(range(len(residue))):
                    if residue[index].has_altloc() and residue[index].altloc != best:
                        del residue[index]
                    elif residue[index].has_altloc():
                        residue[index].altloc = "\0"
    return changed


def plain_methionines(model: gemmi.Model) -> list[str]:
    """Selenomethionine, put in for crystallography, becomes methionine."""
    changed = []
    for chain in model:
        for residue in chain:
            if residue.name == "MSE":
                changed.append(f"{residue_name(chain, residue)}: methionine instead of selenomethionine")
                residue.name = "MET"
                for atom in residue:
                    if atom.element.name == "Se":
                        atom.name, atom.element = "SD", gemmi.Element("S")
    return changed


def residue_name(chain: gemmi.Chain, residue: gemmi.Residue) -> str:
    """As `HEM A 601`."""
    return f"{residue.name} {chain.name} {residue.seqid}"
