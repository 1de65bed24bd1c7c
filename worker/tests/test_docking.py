"""Real docking through a real gateway: scores, files, provenance, callbacks."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from rdkit import Chem
from support import FAST, OUTPUTS, SECRET, FarSide, Gateway, golden

from omtx_worker import protocol, targets
from omtx_worker.callback import SIGNATURE_HEADER, TIMESTAMP_HEADER, signature

PUBLISHED = {"exhaustiveness": 8, "seed": 974_528_263, "poses": 9}
BOX_3OG7 = {"center": [1.6, -1.9, -20.2], "size": [20, 20, 20]}
"""Around the bound vemurafenib of 3OG7, chain A."""


@pytest.mark.parametrize(
    ("target", "smiles", "published", "tolerance"),
    [("ABL1", "CCO", -2.4, 0.5), ("CYP3A4", "N1=CC=CC=C1", -4.2, 0.3)],
)
def test_published_score(
    gateway: Gateway, shared_far: FarSide, target: str, smiles: str, published: float, tolerance: float
) -> None:
    """Scores of DOCKSTRING (kcal/mol) come out again."""
    run_id = f"published-{target}:1"
    gateway.submit(shared_far.request(run_id, smiles, {"named": target}, PUBLISHED))
    run = gateway.wait(run_id)
    assert run["state"] == "succeeded", run
    assert run["metrics"]["docking_score"]["value"] == pytest.approx(published, abs=tolerance)


@pytest.fixture(scope="module")
def phenol(gateway: Gateway, shared_far: FarSide) -> dict[str, Any]:
    """An ended run of a salt of a chiral, charged ligand into a named target."""
    gateway.submit(shared_far.request("phenol:1", "Cl.C[C@H](N)Cc1ccc(O)cc1", parameters=FAST))
    return gateway.wait("phenol:1")


def test_run_has_the_shape_of_the_golden_file(phenol: dict[str, Any]) -> None:
    """Keys and types of what a run answers are those of the golden file, provenance and all."""
    assert phenol["state"] == "succeeded", phenol
    protocol.Run.model_validate(phenol)
    example = golden("run_succeeded")
    assert phenol.keys() == example.keys()
    assert phenol["provenance"].keys() == example["provenance"].keys()
    assert [(one["name"], one["kind"]) for one in phenol["manifest"]] == [
        (one["name"], one["kind"]) for one in example["manifest"]
    ]
    assert phenol["timings"]["run_s"] > 0


def test_manifest_is_of_the_uploaded_bytes(phenol: dict[str, Any], shared_far: FarSide) -> None:
    """Size and sha256 of every file are those of what arrived."""
    assert {one["name"] for one in phenol["manifest"]} == set(OUTPUTS)
    for entry in phenol["manifest"]:
        content = shared_far.file("phenol:1", entry["name"])
        assert (entry["size_bytes"], entry["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())


def test_metrics_are_those_of_vina(phenol: dict[str, Any], shared_far: FarSide) -> None:
    """The score is the first that Vina wrote, in every place where it stands."""
    pdbqt = shared_far.file("phenol:1", "poses.pdbqt").decode()
    scores = [float(line.split()[3]) for line in pdbqt.splitlines() if line.startswith("REMARK VINA RESULT")]
    metrics = json.loads(shared_far.file("phenol:1", "metrics.json"))
    assert list(metrics) == ["docking_score", "unit", "poses", "provenance"]
    assert 1 <= len(scores) <= FAST["poses"]
    assert [pose["score"] for pose in metrics["poses"]] == scores
    assert metrics["docking_score"] == scores[0] == phenol["metrics"]["docking_score"]["value"]
    assert phenol["metrics"]["docking_score"]["source"] == {"file": "metrics.json", "key": "docking_score"}
    assert metrics["provenance"] == phenol["provenance"]


def test_provenance_tells_what_was_docked(phenol: dict[str, Any], shared_far: FarSide) -> None:
    """Both SMILES, the salt dropped, the amine charged, the receptor by its hash."""
    provenance = phenol["provenance"]
    assert provenance["smiles"] == "Cl.C[C@H](N)Cc1ccc(O)cc1"
    assert provenance["fragments"] == 2
    assert provenance["docked_fragment"] == Chem.CanonSmiles("C[C@H](N)Cc1ccc(O)cc1")
    assert provenance["prepared_smiles"] == Chem.CanonSmiles("C[C@H]([NH3+])Cc1ccc(O)cc1")
    assert provenance["protonation"] == "Open Babel, pH 7.4"
    receptor = shared_far.file("phenol:1", "receptor.pdbqt")
    assert provenance["receptor_sha256"] == hashlib.sha256(receptor).hexdigest()
    assert receptor == targets.receptor_path("ABL1").read_bytes()
    assert {key: provenance[key] for key in FAST} == FAST
    assert provenance["box"] == targets.named_targets()["ABL1"].box.model_dump(mode="json")


def test_sdf_has_bonds_stereo_and_scores(phenol: dict[str, Any], shared_far: FarSide) -> None:
    """RDKit reads the prepared ligand from every pose, standing where Vina put it."""
    content = shared_far.file("phenol:1", "poses.sdf")
    assert b"V2000" in content
    molecules = list(Chem.ForwardSDMolSupplier(io.BytesIO(content), removeHs=False))
    metrics = json.loads(shared_far.file("phenol:1", "metrics.json"))
    assert len(molecules) == len(metrics["poses"])
    box = phenol["provenance"]["box"]
    for molecule, pose in zip(molecules, metrics["poses"], strict=True):
        Chem.AssignStereochemistryFrom3D(molecule)
        assert Chem.MolToSmiles(Chem.RemoveHs(molecule)) == phenol["provenance"]["prepared_smiles"]
        assert float(molecule.GetProp("docking_score")) == pose["score"]
        assert molecule.GetNumAtoms() == Chem.AddHs(Chem.RemoveHs(molecule)).GetNumAtoms()
        places = molecule.GetConformer().GetPositions()
        assert (abs(places - box["center"]) < [edge / 2 + 2 for edge in box["size"]]).all()
        _hydrogens_sit_on_their_atoms(molecule)


def test_ligand_without_a_charged_form_is_docked_uncharged(gateway: Gateway, shared_far: FarSide) -> None:
    """Open Babel's form of phenyltetrazole is no molecule; what was docked instead is told."""
    gateway.submit(shared_far.request("tetrazole:1", "c1ccccc1-c1nn[nH]n1"))
    run = gateway.wait("tetrazole:1")
    assert run["state"] == "succeeded", run
    assert run["provenance"]["protonation"].startswith("none, docked uncharged")
    assert run["provenance"]["prepared_smiles"] == Chem.CanonSmiles("c1ccccc1-c1nn[nH]n1")


def test_extra_zip_holds_what_has_no_address(gateway: Gateway, shared_far: FarSide, phenol: dict[str, Any]) -> None:
    """A file that the hub does not ask for by name is not lost."""
    request = shared_far.request("unlisted:1")
    request["outputs"] = [one for one in request["outputs"] if one["name"] in ("metrics.json", "extra.zip")]
    gateway.submit(request)
    run = gateway.wait("unlisted:1")
    assert {one["name"] for one in run["manifest"]} == {"metrics.json", "extra.zip"}
    archive = zipfile.ZipFile(io.BytesIO(shared_far.file("unlisted:1", "extra.zip")))
    assert {"poses.sdf", "receptor.pdbqt", "log.txt", "vina_output.txt"} <= set(archive.namelist())
    assert "poses.sdf" not in zipfile.ZipFile(io.BytesIO(shared_far.file("phenol:1", "extra.zip"))).namelist()


def test_same_seed_same_result(gateway: Gateway, shared_far: FarSide, phenol: dict[str, Any]) -> None:
    """A run that is repeated, after a loss, writes the same files byte for byte."""
    gateway.submit(shared_far.request("phenol:2", "Cl.C[C@H](N)Cc1ccc(O)cc1", parameters=FAST))
    again = gateway.wait("phenol:2")
    assert phenol["state"] == "succeeded"
    for name in ("poses.pdbqt", "poses.sdf", "ligand.pdbqt", "metrics.json"):
        assert shared_far.file("phenol:2", name) == shared_far.file("phenol:1", name), name
    assert again["metrics"] == phenol["metrics"]


def test_callbacks_are_signed_and_end_with_the_end(phenol: dict[str, Any], shared_far: FarSide) -> None:
    """Each is signed, has the shape of a run, and the last tells the end."""
    signed = [(headers, body) for headers, body in shared_far.callbacks if json.loads(body)["run_id"] == "phenol:1"]
    assert len(signed) >= 2
    for headers, body in signed:
        expected = signature(SECRET, headers[TIMESTAMP_HEADER], "phenol:1", body)
        assert headers[SIGNATURE_HEADER] == expected
    assert json.loads(signed[-1][1]) == phenol
    assert {json.loads(body)["state"] for _, body in signed[:-1]} == {"running"}


def test_uploaded_structure(gateway: Gateway, shared_far: FarSide, reference_data: Path) -> None:
    """A PDB entry with two chains, ligand and waters is prepared, and what was removed is listed."""
    content = (reference_data / "receptors" / "3og7.pdb").read_bytes()
    receptor = {"name": "3OG7.pdb", "format": "pdb", "file": "receptor", "chains": ["A"], "keep": None}
    target = {"receptor": receptor, "box": BOX_3OG7}
    gateway.submit(shared_far.request("uploaded:1", "c1ccccc1O", target, inputs={"receptor": content}))
    run = gateway.wait("uploaded:1")
    assert run["state"] == "succeeded", run
    assert run["provenance"]["removed_residues"][0] == "032 A 1"
    assert run["provenance"]["chains"] == ["A"]
    assert run["provenance"]["target"] == {"receptor": "3OG7.pdb"}
    pdbqt = shared_far.file("uploaded:1", "receptor.pdbqt").decode()
    chains = {line[21] for line in pdbqt.splitlines() if line.startswith("ATOM")}
    assert chains == {"A"}
    assert run["metrics"]["docking_score"]["value"] < 0


def test_uploaded_pdbqt_is_used_as_it_is(gateway: Gateway, shared_far: FarSide) -> None:
    """Docking into a named target's own receptor, uploaded, gives the named target's score."""
    content = targets.receptor_path("ABL1").read_bytes()
    receptor = {"name": "ABL1.pdbqt", "format": "pdbqt", "file": "receptor"}
    target = {"receptor": receptor, "box": targets.named_targets()["ABL1"].box.model_dump(mode="json")}
    gateway.submit(shared_far.request("pdbqt:1", "c1ccccc1O", target, inputs={"receptor": content}))
    gateway.submit(shared_far.request("pdbqt:2", "c1ccccc1O", {"named": "ABL1"}))
    uploaded, named = gateway.wait("pdbqt:1"), gateway.wait("pdbqt:2")
    assert uploaded["state"] == named["state"] == "succeeded"
    assert uploaded["metrics"] == named["metrics"]
    assert shared_far.file("pdbqt:1", "receptor.pdbqt") == content


def _hydrogens_sit_on_their_atoms(molecule: Chem.Mol) -> None:
    conformer = molecule.GetConformer()
    for bond in molecule.GetBonds():
        if 1 in (bond.GetBeginAtom().GetAtomicNum(), bond.GetEndAtom().GetAtomicNum()):
            begin, end = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            length = conformer.GetAtomPosition(begin).Distance(conformer.GetAtomPosition(end))
            assert 0.9 < length < 1.2
