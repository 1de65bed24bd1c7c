"""Input that cannot be used: refused at once with the field at fault, or the run fails with words that help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from support import OUTPUTS, SECRET, FarSide, Gateway, golden

from omtx_worker import targets
from omtx_worker.failure import Failure
from omtx_worker.runners.docking_input import Receptor
from omtx_worker.runners.receptor_preparation import prepare

BOX = {"center": [0.0, 0.0, 0.0], "size": [20.0, 20.0, 20.0]}
RECEPTOR = {"name": "r.pdb", "format": "pdb", "file": "receptor"}
NAMED = {"named": "ABL1"}


def _ligand(smiles: str, name: str = "a ligand") -> dict[str, Any]:
    return {"input": {"target": NAMED, "ligand": {"name": name, "smiles": smiles}}}


def _target(target: dict[str, Any]) -> dict[str, Any]:
    return {"input": {"target": target, "ligand": {"name": "a ligand", "smiles": "CCO"}}}


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"run_id": "no epoch"}, "run_id", "pattern"),
        ({"run_id": "../escape:1"}, "run_id", "pattern"),
        ({"model": "nothing"}, "model", "no model named"),
        ({"task": "protein_structure"}, "task", "does not do"),
        ({"deadline_s": 0}, "deadline_s", "greater than 0"),
        ({"callback": "file:///etc/passwd"}, "callback", "pattern"),
        ({"surprise": 1}, "surprise", "not permitted"),
        ({"parameters": {"exhaustiveness": 33}}, "parameters.exhaustiveness", "32"),
        ({"parameters": {"exhaustiveness": "8"}}, "parameters.exhaustiveness", "integer"),
        ({"parameters": {"poses": 0}}, "parameters.poses", "1"),
        ({"parameters": {"seed": -1}}, "parameters.seed", "0"),
        ({"parameters": {"speed": 1}}, "parameters.speed", "not permitted"),
        (_ligand(""), "input.ligand.smiles", "no SMILES"),
        (_ligand("C" * 501), "input.ligand.smiles", "501 characters"),
        (_ligand("C1CC"), "input.ligand.smiles", "not closed"),
        (_ligand("CCO", name=""), "input.ligand.name", "at least 1"),
        (_ligand("CCO", name="two\nlines"), "input.ligand.name", "control characters"),
        (_target({"named": "ABL9"}), "input.target.named", "no target named"),
        (_target({}), "input.target", "named target, or a receptor"),
        (_target({"receptor": RECEPTOR}), "input.target", "with a box"),
        (_target({"named": "ABL1", "box": BOX}), "input.target", "its own"),
        (_target({"receptor": RECEPTOR, "box": BOX}), "input.target.receptor.file", "not among the inputs"),
        (_target({"receptor": RECEPTOR, "box": BOX | {"size": [4, 20, 20]}}), "input.target.box.size", "5 to 40"),
        (_target({"receptor": RECEPTOR, "box": BOX | {"size": [20, 20, 41]}}), "input.target.box.size", "5 to 40"),
        (_target({"receptor": RECEPTOR, "box": BOX | {"center": [0, 0]}}), "input.target.box.center.2", "required"),
        (_target({"receptor": RECEPTOR | {"format": "xyz"}, "box": BOX}), "input.target.receptor.format", "pdb"),
    ],
)
def test_refused_at_once(
    gateway: Gateway, shared_far: FarSide, changes: dict[str, Any], field: str, words: str
) -> None:
    """422 with the field's path and words; nothing is kept."""
    request = shared_far.request("bad:1") | changes
    answer = gateway.request("POST", "/v1/runs", json=request)
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert (error["category"], error["field"]) == ("user", field)
    assert words in error["message"]
    assert gateway.request("GET", "/v1/runs/bad:1").status_code == 404


def test_what_cannot_run_here_waits(gateway: Gateway, shared_far: FarSide) -> None:
    """Whoever asked can do nothing about a machine without a GPU: no room is said, not that they are at fault."""
    answer = gateway.request("POST", "/v1/runs", json=shared_far.request("gpu:1") | {"model": "boltz2"})
    error = answer.json()["error"]
    assert (answer.status_code, error["category"], error["code"]) == (429, "quota", "full")
    assert "needs a GPU" in error["message"]
    assert gateway.request("GET", "/v1/runs/gpu:1").status_code == 404


@pytest.mark.parametrize(
    ("smiles", "code"),
    [
        ("C[N](C)(C)(C)C", "unparsable"),
        ("[CH3]", "radical"),
        ("N[Pt](N)(Cl)Cl", "metal"),
        ("CB(O)O", "element"),
        ("C*", "element"),
        ("[H][H]", "no_heavy_atoms"),
    ],
)
def test_ligand_that_cannot_be_docked(gateway: Gateway, shared_far: FarSide, smiles: str, code: str) -> None:
    """RDKit's word, in the worker as well: the run fails as the user's, with the log's tail."""
    run_id = f"ligand-{code}-{len(smiles)}:1"
    gateway.submit(shared_far.request(run_id, smiles))
    run = gateway.wait(run_id)
    assert (run["state"], run["error"]["category"], run["error"]["code"]) == ("failed", "user", code)
    assert run["manifest"] is None
    assert run["metrics"] is None


@pytest.mark.parametrize(
    ("kind", "content", "code"),
    [
        ("pdb", b"", "empty"),
        ("pdb", b"name,smiles\nethanol,CCO\n", "no_atoms"),
        ("mmcif", b"this is no mmCIF", "unparsable"),
        ("pdb", b"\x1f\x8b\x08\x00\x00\x00" * 100, "binary"),
        ("pdbqt", b"REMARK nothing\n", "no_atoms"),
    ],
)
def test_receptor_that_is_none(gateway: Gateway, shared_far: FarSide, kind: str, content: bytes, code: str) -> None:
    """An empty file, another kind of file, a compressed one."""
    run_id = f"receptor-{kind}-{code}:1"
    target = {"receptor": RECEPTOR | {"format": kind}, "box": BOX}
    gateway.submit(shared_far.request(run_id, target=target, inputs={"receptor": content}))
    run = gateway.wait(run_id)
    assert (run["state"], run["error"]["category"], run["error"]["code"]) == ("failed", "user", code)


def test_box_beside_the_receptor(gateway: Gateway, shared_far: FarSide) -> None:
    """Vina would give a score of nothing there."""
    receptor = RECEPTOR | {"format": "pdbqt"}
    target = {"receptor": receptor, "box": BOX | {"center": [900, 0, 0]}}
    content = targets.receptor_path("ABL1").read_bytes()
    gateway.submit(shared_far.request("beside:1", target=target, inputs={"receptor": content}))
    run = gateway.wait("beside:1")
    assert (run["state"], run["error"]["category"], run["error"]["code"]) == ("failed", "user", "box_empty")


def test_secret(gateway: Gateway) -> None:
    """Without it nothing is told but that the gateway is alive."""
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer wrong"}, {"Authorization": SECRET}):
        for method, path in (("GET", "/v1/models"), ("POST", "/v1/runs"), ("GET", "/v1/runs/a:1"), ("GET", "/nowhere")):
            answer = gateway.request(method, path, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
        assert gateway.request("GET", "/v1/healthz", headers=headers).json()["status"] == "ok"


def test_body_that_is_none(gateway: Gateway) -> None:
    """Broken JSON, another type, too large: an answer of the protocol's own shape."""
    for content in (b"{", b"[]", b"\xff\xfe", b'{"run_id": NaN}'):
        answer = gateway.request("POST", "/v1/runs", content=content, headers=_json_headers(gateway))
        assert answer.status_code == 422, answer.text
        assert answer.json()["error"]["category"] == "user"
    answer = gateway.request("POST", "/v1/ligands", content=b" " * (17 * 1024 * 1024), headers=_json_headers(gateway))
    assert answer.status_code == 413
    assert gateway.is_up()


def test_unknown_addresses(gateway: Gateway) -> None:
    """404 in the protocol's shape, also for what only looks like a run id."""
    for path in ("/v1/runs/nobody:1", "/v1/runs/..:1", "/v1/runs/a:b:1", "/v1/targets/ABL9/receptor", "/v2/runs"):
        answer = gateway.request("GET", path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found"), path


def test_receptor_of_a_named_target(gateway: Gateway) -> None:
    """The PDBQT itself, for previews."""
    answer = gateway.request("GET", "/v1/targets/ABL1/receptor")
    assert answer.content == targets.receptor_path("ABL1").read_bytes()


def test_declared_outputs_are_those_asked_for() -> None:
    """The tests ask for every file that the model declares."""
    assert [output["name"] for output in golden("models")["models"][0]["outputs"]] == list(OUTPUTS)


def test_untyped_residue_is_named(tmp_path: Path) -> None:
    """A hetero residue that somebody wants to keep, and Vina cannot treat."""
    lines = [
        "ATOM      1  N   GLY A   1       0.000   0.000   0.000  1.00  0.00           N",
        "ATOM      2  CA  GLY A   1       1.450   0.000   0.000  1.00  0.00           C",
        "HETATM    3  U   IUM A 201       9.000   0.000   0.000  1.00  0.00           U",
    ]
    (tmp_path / "in.pdb").write_text("\n".join(lines) + "\nEND\n")
    kept = Receptor(name="r.pdb", format="pdb", file="r", keep=["IUM"])
    with pytest.raises(Failure, match=r"IUM A 201 \(U\)") as failed:
        prepare(kept, tmp_path / "in.pdb", tmp_path / "out.pdbqt")
    assert failed.value.code == "untyped_residues"
    removed = prepare(Receptor(name="r.pdb", format="pdb", file="r"), tmp_path / "in.pdb", tmp_path / "out.pdbqt")
    assert removed.removed == ["IUM A 201"]


def _json_headers(gateway: Gateway) -> httpx.Headers:
    return httpx.Headers({"Content-Type": "application/json", **gateway.authorization})
