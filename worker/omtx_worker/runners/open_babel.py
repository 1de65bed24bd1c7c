"""Open Babel as a program of its own: protonation and PDBQT, by argument lists, never a shell."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

from omtx_worker.failure import system_failure
from omtx_worker.settings import environment_of_tool

PH = 7.4
_TIMEOUT_S = 600


@cache
def version() -> str:
    """As `3.1.0`."""
    printed = _run(["-V"], Path.cwd())
    found = re.search(r"Open Babel (\S+)", printed)
    return found.group(1) if found else printed.strip()


def protonated_smiles(smiles: str, work: Path) -> str:
    """The SMILES as it is charged at pH 7.4, canonical in Open Babel's way; empty when it could not be read."""
    (work / "ligand.smi").write_text(smiles + "\n")
    _run(["-ismi", "ligand.smi", "-ocan", "-O", "ligand_protonated.smi", f"-p{PH}"], work)
    fields = (work / "ligand_protonated.smi").read_text().split()
    return fields[0] if fields else ""


def ligand_pdbqt(mol_file: str, pdbqt_file: str, work: Path) -> None:
    """Write a ligand with Gasteiger charges and its torsion tree."""
    _run(["-imol", mol_file, "-opdbqt", "-O", pdbqt_file, "--partialcharge", "gasteiger"], work)


def receptor_pdbqt(pdb_file: str, pdbqt_file: str, work: Path) -> None:
    """Write a rigid receptor, with hydrogens for pH 7.4; those on carbon are merged into it.

    Charges are left to chance: Vina does not read them, and the Gasteiger model would refuse any metal.
    """
    _run(["-ipdb", pdb_file, "-opdbqt", "-O", pdbqt_file, "-xrc", f"-p{PH}"], work)


def _run(arguments: list[str], work: Path) -> str:
    # The program that the wheel put beside this interpreter, not one that the machine may have.
    program = Path(sys.prefix) / "bin" / "obabel"
    try:
        done = subprocess.run(
            [program, *arguments],
            cwd=work,
            env=environment_of_tool(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise system_failure("open_babel", f"Open Babel took longer than {_TIMEOUT_S} s") from None
    printed = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        raise system_failure("open_babel", f"Open Babel failed: {printed.strip()[-500:]}")
    return printed
