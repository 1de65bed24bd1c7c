"""What RDKit says of a ligand: identity, size, fragments, stereo, and what stands in the way of using it.

Runs in a process of the pool in `ligand_pool.py`, since some molecules never end and some end the process.
"""

from __future__ import annotations

from rdkit import Chem, RDLogger, rdBase
from rdkit.Chem import Descriptors, FindPotentialStereo, StereoSpecified, rdMolDescriptors

from omtx_worker.protocol import LigandRow, Problem
from omtx_worker.smiles import syntax_problem

# RDKit's complaints are taken from its return values; on stderr they would be noise without a ligand's number.
RDLogger.DisableLog("rdApp.*")

MAX_INCHI_ATOMS = 400
"""InChI takes minutes beyond this many heavy atoms; such a ligand has no InChIKey."""

MAX_STEREO_ATOMS = 300
"""Above this many heavy atoms potential stereo is not searched, the search being quadratic and worse."""

VINA_ELEMENTS = frozenset({"H", "C", "N", "O", "F", "P", "S", "Cl", "Br", "I"})
"""Elements of ligands that AutoDock Vina 1.1.2 has parameters for, metals aside."""

_NON_METALS = frozenset(
    {0, 1, 2, 5, 6, 7, 8, 9, 10, 14, 15, 16, 17, 18, 32, 33, 34, 35, 36, 51, 52, 53, 54, 85, 86},
)  # noble gases, halogens, metalloids and the rest of the right of the periodic table; 0 is a wildcard atom


def rdkit_version() -> str:
    """RDKit's own version, as `2026.09.1`."""
    return rdBase.rdkitVersion


def describe_smiles(index: int, smiles: str, task: str) -> LigandRow:
    """The row of one SMILES; a text that cannot be read gets a problem, never an exception."""
    row = LigandRow(index=index, name=None, smiles=smiles)
    if problem := syntax_problem(smiles):
        return row.model_copy(update={"problem": problem})
    molecule, problem = read_smiles(smiles)
    if molecule is None:
        return row.model_copy(update={"problem": problem})
    return _describe(row, molecule, task)


def read_smiles(smiles: str) -> tuple[Chem.Mol | None, Problem | None]:
    """The molecule, or why RDKit does not read it."""
    # White space would end the SMILES and begin a name.
    smiles = smiles.strip()
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None:
        return None, Problem(code="unparsable", message=_why(Chem.MolFromSmiles(smiles, sanitize=False)))
    if molecule.GetNumAtoms() == 0:
        return None, Problem(code="no_atoms", message="there are no atoms in it")
    return molecule, None


def describe_record(index: int, record: str, task: str) -> LigandRow:
    """The row of one SDF record (V2000), from its first line to before `$$$$`."""
    lines = record.splitlines()
    title = lines[0].strip() if lines else ""
    row = LigandRow(index=index, name=_printable(title)[:100] or None, smiles=None)
    counts = lines[3] if len(lines) > 3 else ""
    if "V3000" in counts:
        message = "V3000 is not supported, V2000 only: save the file as V2000"
        return row.model_copy(update={"problem": Problem(code="v3000", message=message)})
    if len(lines) < 4 or not counts[:6].strip():
        return row.model_copy(update={"problem": Problem(code="unparsable", message="the record has no atom counts")})
    molecule, problem = _read_block(record)
    if molecule is None:
        return row.model_copy(update={"problem": problem})
    row = row.model_copy(update={"smiles": Chem.MolToSmiles(molecule)})
    return _describe(row, molecule, task)


def metals(molecule: Chem.Mol) -> list[str]:
    """Symbols of the metals in the molecule, each once, in alphabetical order."""
    found = {atom.GetSymbol() for atom in molecule.GetAtoms() if atom.GetAtomicNum() not in _NON_METALS}
    return sorted(found)


def largest_fragment(molecule: Chem.Mol) -> Chem.Mol:
    """The fragment with most heavy atoms, then the heaviest, then the first by canonical SMILES."""
    if len(Chem.GetMolFrags(molecule)) == 1:
        return molecule
    fragments = Chem.GetMolFrags(molecule, asMols=True, sanitizeFrags=False)
    return max(fragments, key=lambda part: (part.GetNumHeavyAtoms(), Descriptors.MolWt(part), Chem.MolToSmiles(part)))


def _read_block(record: str) -> tuple[Chem.Mol | None, Problem | None]:
    try:
        molecule = Chem.MolFromMolBlock(record)
        unchecked = None if molecule else Chem.MolFromMolBlock(record, sanitize=False)
    except (RuntimeError, ValueError):
        molecule = unchecked = None
    if molecule is None:
        return None, Problem(code="unparsable", message=_why(unchecked))
    if molecule.GetNumAtoms() == 0:
        return None, Problem(code="no_atoms", message="there are no atoms in it")
    return molecule, None


def _why(unchecked: Chem.Mol | None) -> str:
    """RDKit's reason for refusing a molecule that it could read, in words; atoms are numbered from 1."""
    if unchecked is None:
        return "it cannot be read as a molecule: there is a fault in how it is written"
    problems = Chem.DetectChemistryProblems(unchecked)
    if not problems:
        return "it cannot be read as a molecule"
    return "; ".join(_in_words(unchecked, problem) for problem in problems[:3])


def _in_words(molecule: Chem.Mol, problem: Chem.MolSanitizeException) -> str:
    kind = problem.GetType()
    if kind == "AtomValenceException":
        atom = molecule.GetAtomWithIdx(problem.GetAtomIdx())
        return f"atom {atom.GetIdx() + 1} ({atom.GetSymbol()}) has more bonds than its charge allows"
    if kind == "AtomKekulizeException":
        return f"atom {problem.GetAtomIdx() + 1} is written as aromatic but is not in a ring"
    if kind == "KekulizeException":
        numbers = ", ".join(str(index + 1) for index in problem.GetAtomIndices())
        return f"the aromatic ring of atoms {numbers} cannot be drawn with single and double bonds; is an [nH] missing?"
    return problem.Message()


def _describe(row: LigandRow, molecule: Chem.Mol, task: str) -> LigandRow:
    heavy_atoms = molecule.GetNumHeavyAtoms()
    largest = largest_fragment(molecule)
    smiles = Chem.MolToSmiles(molecule)
    return row.model_copy(
        update={
            "canonical_smiles": smiles,
            "inchikey": _inchikey(molecule) if heavy_atoms <= MAX_INCHI_ATOMS else None,
            "formula": rdMolDescriptors.CalcMolFormula(molecule),
            "weight": round(Descriptors.MolWt(molecule), 3),
            "heavy_atoms": heavy_atoms,
            "rotors": rdMolDescriptors.CalcNumRotatableBonds(molecule),
            "fragments": len(Chem.GetMolFrags(molecule)),
            "largest_fragment": smiles if largest is molecule else Chem.MolToSmiles(largest),
            "undefined_stereo": undefined_stereo(molecule) if heavy_atoms <= MAX_STEREO_ATOMS else None,
            "radical_electrons": radical_electrons(largest),
            "metals": metals(largest),
            "problem": docking_problem(largest) if task == "docking" else None,
        }
    )


def docking_problem(fragment: Chem.Mol) -> Problem | None:
    """Why Vina cannot dock the fragment, apart from metals and radicals, which a row tells of by themselves."""
    if fragment.GetNumHeavyAtoms() == 0:
        return Problem(code="no_heavy_atoms", message="there is no atom but hydrogen in it")
    symbols = {atom.GetSymbol() for atom in fragment.GetAtoms()} - set(metals(fragment))
    if unknown := sorted(symbols - VINA_ELEMENTS):
        message = f"Vina has no parameters for {', '.join(unknown)}" + (" (any atom)" if "*" in unknown else "")
        return Problem(code="element", message=message)
    return None


def radical_electrons(molecule: Chem.Mol) -> int:
    """Unpaired electrons."""
    return Descriptors.NumRadicalElectrons(molecule)


def _inchikey(molecule: Chem.Mol) -> str | None:
    """None where InChI knows no such structure, as for a wildcard atom."""
    return Chem.MolToInchiKey(molecule) or None


def undefined_stereo(molecule: Chem.Mol) -> int:
    """How many stereo centres and double bonds could be of either kind and are not said to be of one."""
    found = FindPotentialStereo(Chem.Mol(molecule), cleanIt=False)
    return sum(1 for element in found if element.specified == StereoSpecified.Unspecified)


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
