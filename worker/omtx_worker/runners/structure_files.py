"""Structures that a model wrote as mmCIF: their atoms, and the tokens that its confidences are given for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import numpy.typing as npt

from omtx_worker.failure import system_failure

_COLUMNS = [
    "label_asym_id", "label_seq_id", "label_comp_id", "label_atom_id", "type_symbol",
    "Cartn_x", "Cartn_y", "Cartn_z", "B_iso_or_equiv",
]  # fmt: skip


@dataclass(frozen=True)
class Token:
    """What one confidence belongs to: a residue of a polymer, numbered from 1, or one atom of a ligand."""

    chain: str
    residue: int
    name: str
    atom: str | None
    first: int
    last: int
    """Its atoms are those from `first` to before `last`."""


@dataclass(frozen=True)
class Atoms:
    """The atoms of a structure in the order of the file; places in Å, B-factors as they are written."""

    chains: list[str]
    heavy: npt.NDArray[np.bool_]
    places: npt.NDArray[np.float64]
    b_factors: npt.NDArray[np.float64]
    tokens: list[Token]

    def chain_order(self) -> list[str]:
        """Chains in the order of the file, by which a model numbers them."""
        return list(dict.fromkeys(self.chains))


def read_atoms(path: Path) -> Atoms:
    """The atoms of a model's mmCIF; a `Failure` when it is none or holds no atom."""
    try:
        rows = list(gemmi.cif.read(str(path)).sole_block().find("_atom_site.", _COLUMNS))
        places = np.array([[float(row[5]), float(row[6]), float(row[7])] for row in rows])
        b_factors = np.array([float(row[8]) for row in rows])
    except (OSError, ValueError, RuntimeError, IndexError) as error:
        raise system_failure("output", f"the structure {path.name} cannot be read: {error}") from error
    if not rows:
        raise system_failure("output", f"the structure {path.name} holds no atom")
    heavy = np.array([row[4] not in ("H", "D") for row in rows])
    cells = [[gemmi.cif.as_string(row[column]) for column in range(4)] for row in rows]
    return Atoms([chain for chain, *_ in cells], heavy, places, b_factors, _tokens(cells))


def plddt_table(tokens: list[Token], plddt: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Columns of chain, residue, name, atom and pLDDT (0 to 100), a row for each token."""
    return {
        "unit": "0 to 100",
        "chain": [token.chain for token in tokens],
        "residue": [token.residue for token in tokens],
        "name": [token.name for token in tokens],
        "atom": [token.atom for token in tokens],
        "plddt": [round(float(value), 2) for value in plddt],
    }


def mean_b_factors(atoms: Atoms) -> npt.NDArray[np.float64]:
    """The mean B-factor of each token's atoms."""
    return np.array([atoms.b_factors[token.first : token.last].mean() for token in atoms.tokens])


def _tokens(cells: list[list[str]]) -> list[Token]:
    tokens: list[Token] = []
    first = 0
    for index, (chain, sequence_id, name, atom) in enumerate(cells):
        is_residue = sequence_id.lstrip("-").isdigit()
        after = cells[index + 1] if index + 1 < len(cells) else None
        if is_residue and after is not None and after[:2] == [chain, sequence_id]:
            continue
        residue = int(sequence_id) if is_residue else 1
        tokens.append(Token(chain, residue, name, None if is_residue else atom, first, index + 1))
        first = index + 1
    return tokens
