"""From SMILES to the PDBQT that Vina docks, by the steps of the DOCKSTRING protocol.

Largest fragment, uncharged, protonated at pH 7.4, built in 3D (`conformer.py`).
Source: García-Ortegón et al., J. Chem. Inf. Model. 2022, 62, 3486, section 2.1.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from rdkit import Chem
from rdkit.Chem import rdMolDescriptors
from rdkit.Chem.MolStandardize.rdMolStandardize import Uncharger

from omtx_worker import ligands
from omtx_worker.failure import system_failure, user_failure
from omtx_worker.runners import conformer, open_babel

MOL_FILE = "ligand.mol"
PDBQT_FILE = "ligand.pdbqt"

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class PreparedLigand:
    """A ligand ready to dock: `molecule` has all hydrogens and one conformer, the one in `ligand.pdbqt`."""

    molecule: Chem.Mol
    fragments: int
    docked_fragment: str
    prepared_smiles: str
    protonation: str
    heavy_atoms: int
    rotors: int


def prepare(smiles: str, seed: int, work: Path) -> PreparedLigand:
    """Write `ligand.mol` and `ligand.pdbqt` into the work folder."""
    whole = _read(smiles)
    fragment = _fit_to_dock(ligands.largest_fragment(whole))
    protonated, protonation = _protonated(Uncharger().uncharge(fragment), work)
    refined = conformer.build(protonated, seed)
    _check_stereo(protonated, refined, "building the 3D structure")
    Chem.MolToMolFile(refined, str(work / MOL_FILE))
    open_babel.ligand_pdbqt(MOL_FILE, PDBQT_FILE, work)
    if not (work / PDBQT_FILE).stat().st_size:
        raise system_failure("open_babel", "Open Babel wrote no PDBQT of the ligand")
    return PreparedLigand(
        molecule=refined,
        fragments=len(Chem.GetMolFrags(whole)),
        docked_fragment=Chem.MolToSmiles(fragment),
        prepared_smiles=Chem.MolToSmiles(protonated),
        protonation=protonation,
        heavy_atoms=protonated.GetNumHeavyAtoms(),
        rotors=rdMolDescriptors.CalcNumRotatableBonds(protonated),
    )


def _read(smiles: str) -> Chem.Mol:
    molecule, problem = ligands.read_smiles(smiles)
    if molecule is None:
        raise user_failure("unparsable", f"the ligand cannot be read: {problem.message if problem else 'no reason'}")
    # The order of atoms decides the embedding, so that it must not depend on how the SMILES was written.
    return Chem.MolFromSmiles(Chem.MolToSmiles(molecule))


def _fit_to_dock(fragment: Chem.Mol) -> Chem.Mol:
    """The fragment without isotopes, which do not matter for docking; refuses what Vina cannot dock."""
    if metals := ligands.metals(fragment):
        raise user_failure("metal", f"the ligand contains {', '.join(metals)}: metals cannot be docked")
    if ligands.radical_electrons(fragment):
        raise user_failure("radical", "the ligand is a radical, which cannot be docked")
    if problem := ligands.docking_problem(fragment):
        raise user_failure(problem.code, problem.message)
    for atom in fragment.GetAtoms():
        atom.SetIsotope(0)
    # Through SMILES, so that atom order and implicit hydrogens are as if it had been given without them.
    return Chem.MolFromSmiles(Chem.MolToSmiles(Chem.RemoveAllHs(fragment)))


def _protonated(molecule: Chem.Mol, work: Path) -> tuple[Chem.Mol, str]:
    """The molecule as charged at pH 7.4, and how that was found out.

    Open Babel's model makes no molecule of some tetrazoles and enol ethers. Those are docked uncharged, which Vina,
    without electrostatics, sees only in the hydrogens; that it was so is told.
    """
    smiles = open_babel.protonated_smiles(Chem.MolToSmiles(molecule), work)
    protonated = Chem.MolFromSmiles(smiles) if smiles else None
    if (
        protonated is None
        or protonated.GetNumHeavyAtoms() != molecule.GetNumHeavyAtoms()
        or ligands.radical_electrons(protonated)
    ):
        _LOG.info("Open Babel's answer to protonation, %r, is no such molecule; docked uncharged", smiles)
        return molecule, f"none, docked uncharged: Open Babel has no valid form of it at pH {open_babel.PH}"
    _check_stereo(molecule, protonated, "protonating the ligand")
    return protonated, f"Open Babel, pH {open_babel.PH}"


def _check_stereo(before: Chem.Mol, after: Chem.Mol, doing: str) -> None:
    """Refuse to go on with another stereoisomer than was asked for; what was left open may become anything."""
    if after.HasSubstructMatch(before) and not after.HasSubstructMatch(before, useChirality=True):
        raise system_failure("stereo", f"{doing} changed the ligand's stereochemistry")
