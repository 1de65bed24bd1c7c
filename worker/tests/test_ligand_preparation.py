"""From SMILES to a 3D structure: the same as DOCKSTRING's for rigid ligands, sensible rings for the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers
from rdkit.Chem.rdMolTransforms import GetDihedralDeg
from support import IMATINIB

from omtx_worker.runners import conformer
from omtx_worker.runners.ligand_preparation import prepare
from omtx_worker.runners.poses import Pose, posed_molecules, read_positions

SEED = 974_528_263

DRUGS = {
    "imatinib": IMATINIB,
    "olmesartan": "CCCC1=NC(=C(N1CC2=CC=C(C=C2)C3=CC=CC=C3C4=NNN=N4)C(=O)O)C(C)(C)O",
    "penicillin G": "CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O",
    "tropane": "CN1[C@H]2CC[C@@H]1[C@H]([C@H](C2)OC(=O)c1ccccc1)C(=O)OC",
    "glucoside": "OC[C@H]1O[C@@H](Oc2ccccc2CO)[C@H](O)[C@@H](O)[C@@H]1O",
    "sulfoxide": "C[S@@](=O)c1ccccc1",
    "iodide of a cation": "C[N+](C)(C)CCOC(C)=O.[I-]",
    "deuterated": "[2H]C([2H])([2H])Oc1ccccc1",
    "diene": "C/C=C/C=C\\C(=O)O",
}


@pytest.mark.parametrize("name", DRUGS)
def test_every_atom_is_found_again(tmp_path: Path, name: str) -> None:
    """The PDBQT read back onto the molecule gives bonds, charges and stereo of what was prepared."""
    ligand = prepare(DRUGS[name], SEED, tmp_path)
    pdbqt = (tmp_path / "ligand.pdbqt").read_text()
    (posed,) = posed_molecules(ligand.molecule, pdbqt, [Pose(1, -1.0, 0.0, 0.0, read_positions(pdbqt))])
    Chem.AssignStereochemistryFrom3D(posed)
    wanted = Chem.MolFromSmiles(ligand.prepared_smiles)
    assert Chem.RemoveHs(posed).HasSubstructMatch(wanted, useChirality=True)
    assert posed.GetNumAtoms() == Chem.AddHs(wanted).GetNumAtoms()


def test_rigid_ligand_is_dockstrings_own(tmp_path: Path) -> None:
    """One embedding with the seed and one minimisation, coordinate for coordinate."""
    ligand = prepare("O=C(O)c1ccccc1Nc1ccccc1", SEED, tmp_path)
    same = Chem.AddHs(Chem.MolFromSmiles((tmp_path / "ligand_protonated.smi").read_text().split()[0]))
    rdDistGeom.EmbedMolecule(same, randomSeed=SEED, maxAttempts=10 * same.GetNumAtoms())
    rdForceFieldHelpers.MMFFSanitizeMolecule(same)
    rdForceFieldHelpers.MMFFOptimizeMolecule(same, mmffVariant="MMFF94", maxIters=1_000)
    assert (ligand.molecule.GetConformer().GetPositions() == same.GetConformer().GetPositions()).all()


def test_piperazine_is_a_chair(tmp_path: Path) -> None:
    """With both substituents equatorial: Vina does not turn rings, and a boat does not fit the pocket of a kinase."""
    ligand = prepare(IMATINIB, SEED, tmp_path)
    pattern = Chem.MolFromSmarts("[#6;!R]-[#7;R]-[#6;R]-[#6;R]")
    place = ligand.molecule.GetConformer()
    dihedrals = [abs(GetDihedralDeg(place, *match)) for match in ligand.molecule.GetSubstructMatches(pattern)]
    assert len(dihedrals) == 4
    assert min(dihedrals) > 160


@pytest.mark.parametrize(
    ("smiles", "flexible"),
    [("c1ccccc1", False), ("C1CC1", False), ("C1CCCCC1", True), ("CN1CCNCC1", True), ("c1ccc2[nH]ccc2c1", False)],
)
def test_flexible_rings(smiles: str, flexible: bool) -> None:
    """Rings that can pucker."""
    assert conformer.has_flexible_ring(Chem.MolFromSmiles(smiles)) is flexible
