"""From the poses that Vina wrote (PDBQT, no bonds) to molecules with bonds, and to an SDF."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rdkit import Chem
from rdkit.Geometry import Point3D

from omtx_worker.failure import system_failure

_RESULT = re.compile(r"REMARK VINA RESULT:\s*(\S+)\s+(\S+)\s+(\S+)")
_SAME_PLACE_ANGSTROM = 0.01


@dataclass(frozen=True)
class Pose:
    """One pose: score in kcal/mol, bounds of its RMSD to the best in Å, positions in Å by atom serial number."""

    rank: int
    score: float
    rmsd_lb: float
    rmsd_ub: float
    positions: dict[int, tuple[float, float, float]]


def read_poses(path: Path) -> list[Pose]:
    """The poses in the order that Vina wrote them, the best first; empty when it found none."""
    poses = []
    for block in path.read_text().split("MODEL")[1:]:
        result = _RESULT.search(block)
        if result is None:
            raise system_failure("output", "a pose that Vina wrote has no score")
        score, rmsd_lb, rmsd_ub = (float(value) for value in result.groups())
        poses.append(Pose(len(poses) + 1, score, rmsd_lb, rmsd_ub, read_positions(block)))
    return poses


def read_positions(pdbqt: str) -> dict[int, tuple[float, float, float]]:
    """Positions in Å by atom serial number."""
    lines = [line for line in pdbqt.splitlines() if line.startswith(("ATOM", "HETATM"))]
    return {int(line[6:11]): (float(line[30:38]), float(line[38:46]), float(line[46:54])) for line in lines}


def posed_molecules(prepared: Chem.Mol, ligand_pdbqt: str, poses: list[Pose]) -> list[Chem.Mol]:
    """The prepared ligand with all hydrogens in the places of each pose.

    The serial numbers of `ligand.pdbqt` tell which atom is which: there each stands where it stands in `prepared`.
    Hydrogens on carbon are not in a PDBQT; they are placed anew.
    """
    serials = _serials_by_atom(prepared, read_positions(ligand_pdbqt))
    return [_posed(prepared, serials, pose) for pose in poses]


def write_sdf(path: Path, molecules: list[Chem.Mol], poses: list[Pose], name: str, properties: dict[str, str]) -> None:
    """Every pose as a V2000 record; `docking_score` in kcal/mol, RMSD to the best pose in Å."""
    with Chem.SDWriter(str(path)) as writer:
        writer.SetForceV3000(False)
        for molecule, pose in zip(molecules, poses, strict=True):
            record = Chem.Mol(molecule)
            record.SetProp("_Name", name)
            record.SetProp("docking_score", f"{pose.score:g}")
            record.SetProp("rank", str(pose.rank))
            record.SetProp("rmsd_lb", f"{pose.rmsd_lb:g}")
            record.SetProp("rmsd_ub", f"{pose.rmsd_ub:g}")
            for key, value in properties.items():
                record.SetProp(key, value)
            writer.write(record)


def _serials_by_atom(prepared: Chem.Mol, positions: dict[int, tuple[float, float, float]]) -> dict[int, int]:
    places = prepared.GetConformer().GetPositions()
    serials: dict[int, int] = {}
    for serial, position in positions.items():
        distances = np.linalg.norm(places - np.array(position), axis=1)
        nearest = int(distances.argmin())
        if distances[nearest] > _SAME_PLACE_ANGSTROM or nearest in serials:
            raise system_failure("output", f"atom {serial} of the ligand's PDBQT is none of the prepared ligand")
        serials[nearest] = serial
    if any(atom.GetAtomicNum() > 1 and atom.GetIdx() not in serials for atom in prepared.GetAtoms()):
        raise system_failure("output", "the ligand's PDBQT lacks atoms of the prepared ligand")
    return serials


def _posed(prepared: Chem.Mol, serials: dict[int, int], pose: Pose) -> Chem.Mol:
    if set(serials.values()) != set(pose.positions):
        raise system_failure("output", f"pose {pose.rank} has other atoms than the ligand")
    posed = Chem.RWMol(prepared)
    conformer = posed.GetConformer()
    for atom, serial in serials.items():
        conformer.SetAtomPosition(atom, Point3D(*pose.positions[serial]))
    for atom in sorted((one.GetIdx() for one in posed.GetAtoms() if one.GetIdx() not in serials), reverse=True):
        (carrier,) = posed.GetAtomWithIdx(atom).GetNeighbors()
        carrier.SetNoImplicit(False)
        posed.RemoveAtom(atom)
    Chem.SanitizeMol(posed)
    complete = Chem.AddHs(posed.GetMol(), addCoords=True)
    if complete.GetNumAtoms() != prepared.GetNumAtoms():
        raise system_failure("output", f"pose {pose.rank} did not get its hydrogens back")
    Chem.AssignStereochemistryFrom3D(complete)
    if Chem.MolToSmiles(Chem.RemoveHs(complete)) != Chem.MolToSmiles(Chem.RemoveHs(prepared)):
        raise system_failure("output", f"pose {pose.rank} is not the ligand that was docked")
    return complete
