"""Residues of the protein ranked by how often the ligand touches them in the predicted structures."""

from __future__ import annotations

from typing import Any

import numpy as np

from omtx_worker.runners.folding import Complex
from omtx_worker.runners.structure_files import Atoms, Token

CONTACT_ANGSTROM = 4.0
"""Between two heavy atoms, at most."""


def touched(structures: list[Atoms], chains: Complex, plddt: np.ndarray | None) -> dict[str, Any]:
    """Residues in contact in at least one structure: most often first, then the nearest. pLDDT is of the best one."""
    ligand_chains = {chain.letter for chain in chains.chains if chain.kind == "ligand"}
    distances = [_nearest(atoms, ligand_chains) for atoms in structures]
    best = structures[0].tokens
    rows = []
    for index, token in enumerate(best):
        near = [found[key] for found in distances if (key := (token.chain, token.residue)) in found]
        contacts = sum(distance <= CONTACT_ANGSTROM for distance in near)
        if token.atom is None and contacts:
            rows.append(
                {
                    "chain": token.chain,
                    "residue": token.residue,
                    "name": token.name,
                    "contact_frequency": round(contacts / len(structures), 3),
                    "nearest_angstrom": round(min(near), 2),
                    "plddt": None if plddt is None else round(float(plddt[index]), 2),
                }
            )
    rows.sort(key=lambda row: (-float(row["contact_frequency"] or 0), float(row["nearest_angstrom"] or 0)))
    return {"structures": len(structures), "contact_angstrom": CONTACT_ANGSTROM, "residues": rows}


def _nearest(atoms: Atoms, ligand_chains: set[str]) -> dict[tuple[str, int], float]:
    """The distance of each residue's nearest heavy atom to one of the ligand's, in Å."""
    of_ligand = np.array([chain in ligand_chains for chain in atoms.chains]) & atoms.heavy
    places = atoms.places[of_ligand]
    residues = [token for token in atoms.tokens if token.atom is None and token.chain not in ligand_chains]
    return {(token.chain, token.residue): _distance(atoms, token, places) for token in residues if len(places)}


def _distance(atoms: Atoms, token: Token, places: np.ndarray) -> float:
    own = atoms.places[token.first : token.last][atoms.heavy[token.first : token.last]]
    if not len(own):
        return float("inf")
    return float(np.sqrt(((own[:, None, :] - places[None, :, :]) ** 2).sum(axis=2)).min())
