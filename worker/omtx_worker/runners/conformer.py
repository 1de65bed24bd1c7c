"""The one 3D structure of a ligand that docking starts from: embedded with ETKDG, minimised with MMFF94, else UFF.

Vina turns bonds but leaves rings as they are. A ligand with flexible rings is therefore embedded many times, and the
least strained is taken, so that a piperazine is a chair; any other ligand is embedded once, as DOCKSTRING does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

from omtx_worker.failure import user_failure

EMBEDDINGS = 20
"""For ligands with flexible rings; one or two of ten embeddings of a piperazine are chairs as they should be."""

NITROGEN = 7

_LOG = logging.getLogger(__name__)
_MINIMISER_STEPS = 1_000
_MORE_STEPS = 10_000
_SHORT_STEPS = 200


def build(molecule: Chem.Mol, seed: int) -> Chem.Mol:
    """The molecule with all hydrogens, one conformer, and the stereochemistry that it shows."""
    built = _embedded(molecule, seed)
    if has_flexible_ring(molecule):
        # What the input left open is decided now, so that all embeddings are of the same stereoisomer; but for
        # nitrogen, which turns inside out by itself and shall have its substituents where there is room for them.
        _take_stereo_from_3d(built)
        for atom in built.GetAtoms():
            if atom.GetAtomicNum() == NITROGEN and not _has_stereo(molecule, atom.GetIdx()):
                atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
        built = _best_of_many(built, seed)
    _minimise(built)
    _take_stereo_from_3d(built)
    return built


def _has_stereo(molecule: Chem.Mol, atom: int) -> bool:
    return molecule.GetAtomWithIdx(atom).GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED


def has_flexible_ring(molecule: Chem.Mol) -> bool:
    """Whether a ring of five or more atoms can pucker: two of its atoms at least are tetrahedral."""
    tetrahedral = Chem.HybridizationType.SP3
    return any(
        len(ring) >= 5 and sum(molecule.GetAtomWithIdx(atom).GetHybridization() == tetrahedral for atom in ring) >= 2
        for ring in Chem.GetSymmSSSR(molecule)
    )


def _embedded(molecule: Chem.Mol, seed: int) -> Chem.Mol:
    embedded = Chem.AddHs(molecule)
    tries = 10 * embedded.GetNumAtoms()
    for random_coordinates in (False, True):
        rdDistGeom.EmbedMolecule(embedded, randomSeed=seed, maxAttempts=tries, useRandomCoords=random_coordinates)
        if embedded.GetNumConformers():
            return embedded
    raise user_failure("embedding", "no 3D structure of the ligand could be built: is its stereochemistry possible?")


def _best_of_many(first: Chem.Mol, seed: int) -> Chem.Mol:
    """The embedding whose rings are least strained, `first` among them."""
    many = Chem.Mol(first)
    rdDistGeom.EmbedMultipleConfs(many, numConfs=EMBEDDINGS - 1, randomSeed=seed, clearConfs=False)
    best = min(many.GetConformers(), key=lambda conformer: _strain(many, conformer.GetId()))
    chosen = Chem.Mol(first)
    chosen.RemoveAllConformers()
    chosen.AddConformer(best, assignId=True)
    return chosen


def _strain(molecule: Chem.Mol, conformer: int) -> float:
    """Energy in kcal/mol after a short minimisation, comparable between conformers of one molecule.

    Without electrostatics: with no water around it, a charged ligand would be rated best when folded upon itself.
    """
    if rdForceFieldHelpers.MMFFHasAllMoleculeParams(molecule):
        properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(molecule)
        properties.SetMMFFEleTerm(False)
        field = rdForceFieldHelpers.MMFFGetMoleculeForceField(molecule, properties, confId=conformer)
    else:
        field = rdForceFieldHelpers.UFFGetMoleculeForceField(molecule, confId=conformer)
    field.Minimize(maxIts=_SHORT_STEPS)
    return float(field.CalcEnergy())


def _minimise(molecule: Chem.Mol) -> None:
    try:
        if rdForceFieldHelpers.MMFFHasAllMoleculeParams(molecule):
            rdForceFieldHelpers.MMFFSanitizeMolecule(molecule)
            _to_convergence(lambda steps: rdForceFieldHelpers.MMFFOptimizeMolecule(molecule, maxIters=steps), "MMFF94")
            return
    except Chem.KekulizeException as error:
        _LOG.info("MMFF94 cannot treat the ligand (%s), UFF is tried", error)
    if not rdForceFieldHelpers.UFFHasAllMoleculeParams(molecule):
        raise user_failure("force_field", "neither MMFF94 nor UFF has parameters for the ligand")
    _to_convergence(lambda steps: rdForceFieldHelpers.UFFOptimizeMolecule(molecule, maxIters=steps), "UFF")


def _to_convergence(optimise: Callable[[int], int], force_field: str) -> None:
    if optimise(_MINIMISER_STEPS) == 1 and optimise(_MORE_STEPS) == 1:
        # Large flexible ligands get close to a minimum and no nearer; Vina turns their torsions anyway.
        _LOG.info("%s had not converged after %d steps", force_field, _MINIMISER_STEPS + _MORE_STEPS)


def _take_stereo_from_3d(molecule: Chem.Mol) -> None:
    Chem.AssignStereochemistryFrom3D(molecule)
    Chem.AssignStereochemistry(molecule, cleanIt=True)
