"""Writes RDKit's word on SMILES of our own beside it, for `tests/ligands.rs`.

Run by hand with the worker's Python when the list changes: `worker/.venv/bin/python tests/data/rdkit_smiles.py`.
"""

import csv
import json
from pathlib import Path

from rdkit import Chem, RDLogger
from rdkit.Chem import rdMolDescriptors

# Legal but rare: wildcards, odd bonds, ring numbers, isotopes, charges, classes, stereo, metals.
RARE = r"""
*C C~C C$C [NH3]->[Pt] C%10CC%10 C%(123)CCCC%(123) C1.C1 C12.C1.C2 C0CC0 C=1CCCCC=1 C1=CCCCC=1 C-1CC1
[2H]OC [13CH4] [H][H] [H]C([H])[H] [3He] [Fe++] [In+3] [O--] [Cl-].[Na+] [NH4+].[Cl-] [CH3:1]O [#6]C [#7H3]
C[C@@H](N)C(=O)O F/C=C/F F/C=C\F [C@SP1H](F)(Cl)Br C[S@](=O)c1ccccc1 [se]1cccc1 [te]1cccc1 b1ccccc1 [nH]1cccc1
o1cccc1 s1cccc1 p1ccccc1 [Si](C)(C)(C)C [Rg] [CH2] (C)O C(C)(C)(C)C C(=O)=O [C-]#[O+] C:C C1=CC=CC=C1 CB(O)O
C[Hg]C [Ca+2].[O-]C(=O)C.[O-]C(=O)C N[Pt](N)(Cl)Cl C[N+](C)(C)C O=[N+]([O-])c1ccccc1 C[N+]#[C-] [N-]=[N+]=NC
c1ccc2ccccc2c1 C1CC2CC1CC2 C1CC12CC2 c1ccccc1-c1ccccc1 c1ccccc1c1ccccc1 [K+].[K+].[O-]S([O-])(=O)=O
"""

# For the count of rotatable bonds: amides, esters, ureas, sulfonamides, alkynes, crowned carbons, chains and rings.
USUAL = r"""
CC(=O)Oc1ccccc1C(=O)O Cn1cnc2c1c(=O)n(C)c(=O)n2C CC(C)Cc1ccc(cc1)C(C)C(=O)O CC(=O)Nc1ccc(O)cc1 CCCCCCCC CCOC(=O)CC
CC(C)(C)NCC(O)c1ccc(O)c(CO)c1 FC(F)(F)c1ccc(cc1)OC(CCNC)c1ccccc1 CC#CCC N#CCC#N CCNC(=O)NCC CCS(=O)(=O)NCC
CC(=N)NCC COC(=O)C(=O)OC O=C(c1ccccc1)c1ccccc1 OC(=O)CCC(=O)O CC(C)CC(N)C(=O)NC(C)C(=O)NC(CO)C(=O)O CSCCC(N)C(O)=O
C[C@]12CC[C@H]3[C@@H](CC=C4C[C@@H](O)CC[C@]34C)[C@@H]1CC[C@@H]2[C@H](C)CCCC(C)C ClC(Cl)(Cl)CO BrC(Br)(Br)c1ccccc1
CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O C1CCN(CC1)C(=O)C1CCCCC1 CCN(CC)CC CCOCC C=CCC=C CC=CC
CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21 CC(=O)SCC CC(=S)NCC NC(=[NH2+])NCCCC(N)C(=O)O C1CC1CC1CC1 OCC1OC(O)C(O)C(O)C1O
CCCCCCCCCCCCCCCC(=O)OCC(O)CO CN(C)CCCN1c2ccccc2CCc2ccccc12.Cl C[Si](C)(C)CC CP(=O)(OCC)OCC c1ccc(cc1)C(c1ccccc1)c1ccccc1
"""

# What RDKit refuses, by syntax and by chemistry.
WRONG = r"""
C1CC C( C) C[ C] [] [[C]] C%1 C% X CCQ C==C C= =C C..C .C C. ()C C()C C(C)(C)(C)(C)C c1cccc1 c1ccncn1c
N(C)(C)(C)(C)C [C@@@H](F)(Cl)Br C11 C1C1 [CH-+] [Xx] [1234567C] C#C#C cc FF(F)F hello C^C C,C C_C {C} C!C 'C'
"""


def word(smiles: str) -> dict:
    """What RDKit says of it; sizes are null where it reads no molecule."""
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None:
        return {"smiles": smiles, "parses": False, "heavy_atoms": None, "rotors": None, "fragments": None}
    return {
        "smiles": smiles,
        "parses": True,
        "heavy_atoms": molecule.GetNumHeavyAtoms(),
        "rotors": rdMolDescriptors.CalcNumRotatableBonds(molecule),
        "fragments": len(Chem.GetMolFrags(molecule)),
    }


def main() -> None:
    """Writes `rdkit_smiles.json` beside this file."""
    RDLogger.DisableLog("rdApp.*")
    here = Path(__file__).parent
    with (here.parent.parent / "examples/kinase_inhibitors.csv").open(newline="") as file:
        inhibitors = [row["smiles"] for row in csv.DictReader(file)]
    words = [word(smiles) for smiles in [*RARE.split(), *USUAL.split(), *inhibitors, *WRONG.split()]]
    lines = ",\n".join(json.dumps(entry) for entry in words)
    (here / "rdkit_smiles.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
