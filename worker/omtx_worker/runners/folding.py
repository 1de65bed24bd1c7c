"""What Boltz-2 and Chai-1 have in common: chains and their letters, the size of the input, and what to warn of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omtx_worker import __version__, ligands, sequences
from omtx_worker.failure import system_failure, user_failure
from omtx_worker.protocol import OutputDeclaration
from omtx_worker.runners import small_molecules
from omtx_worker.runners.metrics_file import number
from omtx_worker.runners.sequence_input import Cofactor, Molecules, Protein
from omtx_worker.runners.structure_files import Atoms

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Chain:
    """One chain of the prediction."""

    letter: str
    molecule: Protein | Cofactor

    @property
    def kind(self) -> str:
        """`protein` or `ligand`."""
        return "protein" if isinstance(self.molecule, Protein) else "ligand"


@dataclass(frozen=True)
class Complex:
    """All chains, in the order in which the model is given them, with the size in words and warnings."""

    chains: list[Chain]
    tokens: int | None
    size: str
    warnings: list[str]

    def letters_of(self, molecule: Protein | Cofactor) -> list[str]:
        """The chains that the molecule has."""
        return [chain.letter for chain in self.chains if chain.molecule is molecule]

    def count(self, kind: str) -> int:
        """How many chains are of that kind."""
        return sum(chain.kind == kind for chain in self.chains)

    def described(self) -> list[dict[str, str]]:
        """Letter, kind and name of each chain."""
        return [{"chain": one.letter, "kind": one.kind, "name": one.molecule.name} for one in self.chains]


def assemble(molecules: Molecules, *, affinity: bool) -> Complex:
    """Give each copy of each molecule its letter, and ask RDKit about the ligands."""
    every = [*molecules.proteins, *molecules.ligands]
    if sum(one.copies for one in every) > len(_LETTERS):
        raise user_failure("too_many_chains", f"there are more than {len(_LETTERS)} chains")
    letters = iter(_LETTERS)
    chains = [Chain(next(letters), one) for one in every for _ in range(one.copies)]
    warnings = [words for one in molecules.proteins if (words := _unknown_residues(one))]
    residues = sum(len(one.sequence) * one.copies for one in molecules.proteins)
    atoms: int | None = 0
    for ligand in molecules.ligands:
        heavy, said = small_molecules.check_ligand(ligand, affinity=affinity)
        warnings += said
        atoms = None if heavy is None or atoms is None else atoms + heavy * ligand.copies
    of_ligands = f", {atoms} ligand atoms" if atoms else ""
    proteins = sum(one.copies for one in molecules.proteins)
    size = f"{residues} residues in {proteins} chain{'s' if proteins > 1 else ''}{of_ligands}"
    tokens = None if atoms is None else residues + atoms
    return Complex(chains, tokens, size, warnings)


def chain_pairs(order: list[str], pairs: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The ipTM of each pair of chains, which models key by the chain's index and which is not symmetric."""
    found = []
    for first, row in pairs.items():
        for second, value in row.items():
            if first != second and int(first) < len(order) and int(second) < len(order):
                found.append({"first": order[int(first)], "second": order[int(second)], "iptm": number(value)})
    return found


def provenance(engine: str, molecules: Molecules, parameters: dict[str, Any], chains: Complex) -> dict[str, Any]:
    """What was asked and by what it was done; sequences and SMILES as they were used."""
    return {
        "engine": engine,
        "worker": __version__,
        "rdkit": ligands.rdkit_version(),
        "proteins": [
            {
                "name": one.name,
                "chains": chains.letters_of(one),
                "sequence": one.folded(),
                "mutations": one.mutations,
            }
            for one in molecules.proteins
        ],
        "ligands": [
            {"name": one.name, "chains": chains.letters_of(one), "smiles": one.smiles, "ccd": one.ccd}
            for one in molecules.ligands
        ],
        **parameters,
    }


def write_json(path: Path, values: Any) -> None:  # noqa: ANN401 - any JSON
    """Write without spaces: some of these are large."""
    path.write_text(json.dumps(values, separators=(",", ":"), ensure_ascii=False, allow_nan=False) + "\n")


def there(outputs: list[OutputDeclaration], work: Path) -> list[OutputDeclaration]:
    """Those of a model's declared files that the run wrote."""
    return [output for output in outputs if output.name != "extra.zip" and (work / output.name).exists()]


def chain_table(order: list[str], chains: Complex, ptm: dict[str, Any]) -> list[dict[str, Any]]:
    """Each chain with the pTM that the model gives it by its index."""
    by_letter = {one["chain"]: one for one in chains.described()}
    return [
        {**by_letter.get(letter, {"chain": letter}), "ptm": number(ptm.get(str(index)))}
        for index, letter in enumerate(order)
    ]


def chain_order(atoms: Atoms, chains: Complex) -> list[str]:
    """The chains of a model's file in the order by which it numbers them; a `Failure` when there are more or fewer."""
    order = atoms.chain_order()
    if len(order) != len(chains.chains):
        message = f"the model's structure has {len(order)} chains, and {len(chains.chains)} were asked for"
        raise system_failure("output", message)
    return order


def _unknown_residues(protein: Protein) -> str | None:
    unknown = protein.folded().count(sequences.UNKNOWN)
    return f"{protein.name}: {unknown} residues are {sequences.UNKNOWN}, of unknown kind" if unknown else None
