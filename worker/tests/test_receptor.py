"""Receptor preparation on real entries: what stays, what goes, and how it is protonated."""

from __future__ import annotations

from pathlib import Path

import pytest

from omtx_worker.failure import Failure
from omtx_worker.runners.docking_input import Receptor
from omtx_worker.runners.receptor_preparation import PreparedReceptor, prepare


def _prepare(
    path: Path, work: Path, chains: list[str] | None = None, keep: list[str] | None = None
) -> tuple[PreparedReceptor, list[str]]:
    kind = "mmcif" if path.suffix == ".cif" else "pdb"
    receptor = Receptor(name=path.name, format=kind, file="receptor", chains=chains, keep=keep)
    prepared = prepare(receptor, path, work / "receptor.pdbqt")
    return prepared, [line for line in (work / "receptor.pdbqt").read_text().splitlines() if line.startswith("ATOM")]


def _hydrogens(atoms: list[str], residue: str) -> int:
    return sum(1 for line in atoms if line[17:27].strip() == residue and line[77:79].strip() == "HD")


def test_protonation_and_names(tmp_path: Path, reference_data: Path) -> None:
    """Lysine is charged, aspartate bare, at pH 7.4; residues keep the numbers of the entry."""
    _, atoms = _prepare(reference_data / "receptors" / "3og7.pdb", tmp_path, chains=["A"])
    # One on the backbone's nitrogen of each; three more on lysine's amine, one more on neutral histidine's ring.
    assert _hydrogens(atoms, "LYS A 473") == 4
    assert _hydrogens(atoms, "ASP A 454") == 1
    assert _hydrogens(atoms, "HIS A 477") == 2
    assert _hydrogens(atoms, "PRO A 453") == 0
    assert [int(line[6:11]) for line in atoms] == list(range(1, len(atoms) + 1))
    assert not any(line[17:20] == "HOH" for line in atoms)


def test_pdb_and_mmcif_of_one_entry_agree(tmp_path: Path, reference_data: Path) -> None:
    """Alternates, removed residues and atoms are the same from both files."""
    folder = reference_data / "receptors"
    from_pdb, pdb_atoms = _prepare(folder / "3o5r.pdb", tmp_path)
    from_cif, cif_atoms = _prepare(folder / "3o5r.cif", tmp_path)
    assert from_pdb == from_cif
    assert pdb_atoms == cif_atoms
    assert from_pdb.removed == ["FK5 A 1001", "287 waters"]
    assert "MET A 48: alternative B of A, B" in from_pdb.changed


def test_highest_occupancy_wins(tmp_path: Path, reference_data: Path) -> None:
    """SER 22 has three alternatives, the last the most occupied."""
    prepared, atoms = _prepare(reference_data / "receptors" / "edge" / "altloc.cif", tmp_path)
    assert prepared.changed == ["SER A 22: alternative C of A, B, C"]
    names = [line[12:16].strip() for line in atoms if line[17:20] == "SER" and line[77:79].strip() != "HD"]
    assert sorted(names) == sorted(set(names))


def test_ligand_can_be_kept(tmp_path: Path, reference_data: Path) -> None:
    """By its name; what is not there cannot be kept."""
    path = reference_data / "receptors" / "3og7.pdb"
    prepared, atoms = _prepare(path, tmp_path, chains=["A"], keep=["032"])
    assert prepared.kept == ["032 A 1"]
    assert sum(1 for line in atoms if line[17:20] == "032") > 30
    with pytest.raises(Failure, match="no ZN to keep"):
        _prepare(path, tmp_path, chains=["A"], keep=["ZN"])


def test_chain_that_does_not_exist(tmp_path: Path, reference_data: Path) -> None:
    """The message says which there are."""
    with pytest.raises(Failure, match=r"no chain Q in 3og7.pdb; it has A, B"):
        _prepare(reference_data / "receptors" / "3og7.pdb", tmp_path, chains=["Q"])


def test_only_hetero_records(tmp_path: Path, reference_data: Path) -> None:
    """A ligand by itself is no receptor."""
    lines = (reference_data / "receptors" / "3og7.pdb").read_text().splitlines()
    (tmp_path / "ligand.pdb").write_text("\n".join(line for line in lines if line.startswith("HETATM")) + "\nEND\n")
    with pytest.raises(Failure, match="no ATOM records"):
        _prepare(tmp_path / "ligand.pdb", tmp_path)


def test_metal_and_selenomethionine(tmp_path: Path) -> None:
    """A zinc ion stays by default, sodium goes; selenomethionine becomes methionine; the first model is taken."""
    model = [
        "HETATM    1  N   MSE A   1       0.000   0.000   0.000  1.00  0.00           N",
        "HETATM    2  CA  MSE A   1       1.458   0.000   0.000  1.00  0.00           C",
        "HETATM    3  C   MSE A   1       2.009   1.420   0.000  1.00  0.00           C",
        "HETATM    4  O   MSE A   1       1.251   2.390   0.000  1.00  0.00           O",
        "HETATM    5  CB  MSE A   1       1.988  -0.773  -1.199  1.00  0.00           C",
        "HETATM    6  CG  MSE A   1       3.500  -0.900  -1.200  1.00  0.00           C",
        "HETATM    7 SE   MSE A   1       4.100  -1.900  -2.700  1.00  0.00          SE",
        "HETATM    8  CE  MSE A   1       6.000  -1.700  -2.300  1.00  0.00           C",
        "ATOM      9  N   GLY A   2       3.332   1.536   0.000  1.00  0.00           N",
        "ATOM     10  CA  GLY A   2       3.988   2.839   0.000  1.00  0.00           C",
        "ATOM     11  C   GLY A   2       5.505   2.711   0.000  1.00  0.00           C",
        "ATOM     12  O   GLY A   2       6.080   1.620   0.000  1.00  0.00           O",
        "TER      13      GLY A   2",
        "HETATM   14 ZN    ZN A 201       9.000   9.000   0.000  1.00  0.00          ZN",
        "HETATM   15 NA    NA A 202      -9.000   9.000   0.000  1.00  0.00          NA",
    ]
    text = "\n".join(["MODEL        1", *model, "ENDMDL", "MODEL        2", *model, "ENDMDL", "END", ""])
    (tmp_path / "in.pdb").write_text(text)
    prepared, atoms = _prepare(tmp_path / "in.pdb", tmp_path)
    assert (prepared.kept, prepared.removed) == (["ZN A 201"], ["NA A 202"])
    assert prepared.changed == ["the first of 2 models was taken", "MSE A 1: methionine instead of selenomethionine"]
    types = {line[77:79].strip() for line in atoms}
    assert "Zn" in types
    assert {"SA", "S"} & types
    assert not {"Se", "Na"} & types
    assert sum(1 for line in atoms if line[77:79].strip() == "Zn") == 1
