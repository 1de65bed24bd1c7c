"""RDKit's word on the ligands of a prediction: what cannot be used, and what its owner should know."""

from __future__ import annotations

from rdkit import Chem

from omtx_worker import ligands
from omtx_worker.failure import user_failure
from omtx_worker.runners.sequence_input import AFFINITY_HEAVY_ATOMS, AFFINITY_TRAINED_ATOMS, Cofactor


def check_ligand(ligand: Cofactor, *, affinity: bool) -> tuple[int | None, list[str]]:
    """Its number of heavy atoms, none for a CCD code, and warnings; a `Failure` when it cannot be used."""
    if ligand.smiles is None:
        return None, []
    molecule, problem = ligands.read_smiles(ligand.smiles)
    if molecule is None:
        raise user_failure("unparsable", f"the ligand cannot be read: {problem.message if problem else 'no reason'}")
    warnings = []
    if (fragments := len(Chem.GetMolFrags(molecule))) > 1:
        warnings.append(f"{ligand.name}: the SMILES has {fragments} fragments, and all of them are used")
    if undefined := ligands.undefined_stereo(molecule):
        warnings.append(f"{ligand.name}: {undefined} stereo centres or double bonds are of no said kind")
    # Boltz counts the hydrogens that RDKit keeps as well.
    counted = Chem.RemoveHs(molecule).GetNumAtoms()
    if affinity and counted > AFFINITY_HEAVY_ATOMS:
        message = f"the ligand has {counted} heavy atoms; the affinity is predicted for at most {AFFINITY_HEAVY_ATOMS}"
        raise user_failure("too_large", message)
    if affinity and counted > AFFINITY_TRAINED_ATOMS:
        warnings.append(
            f"{ligand.name}: with {counted} heavy atoms it is larger than the {AFFINITY_TRAINED_ATOMS} that the"
            " affinity was trained on"
        )
    return molecule.GetNumHeavyAtoms(), warnings
