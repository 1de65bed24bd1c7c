"""What the gateway says of ligands: messy files, monsters, and ligands that end the process that reads them."""

from __future__ import annotations

import csv
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from rdkit import Chem, RDLogger
from support import Gateway

from omtx_worker.ligand_pool import LigandPool
from omtx_worker.protocol import LigandRow, LigandsAnswer
from omtx_worker.smiles import syntax_problem


def _rows(gateway: Gateway, **body: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    answer = gateway.request("POST", "/v1/ligands", json={"task": "docking", **body})
    assert answer.status_code == 200, answer.text
    return answer.json()["rows"]


def _describe(gateway: Gateway, *smiles: str) -> list[dict[str, Any]]:
    return _rows(gateway, ligands=[{"smiles": one} for one in smiles])


def _column(path: Path) -> list[str]:
    with path.open(newline="") as file:
        return [row["smiles"] for row in csv.DictReader(file)]


def test_chemistry(gateway: Gateway) -> None:
    """Values known from elsewhere: PubChem's for aspirin and thalidomide."""
    aspirin, thalidomide, salt = _describe(
        gateway, "CC(=O)Oc1ccccc1C(=O)O", "O=C1CCC(N2C(=O)c3ccccc3C2=O)C(=O)N1", "CC(=O)[O-].[Na+]"
    )
    assert aspirin["inchikey"] == "BSYNRYMUTXBXSQ-UHFFFAOYSA-N"
    assert (aspirin["formula"], aspirin["heavy_atoms"], aspirin["fragments"]) == ("C9H8O4", 13, 1)
    assert aspirin["weight"] == pytest.approx(180.16, abs=0.01)
    assert thalidomide["inchikey"] == "UEJJHQNACJXSKW-UHFFFAOYSA-N"
    assert thalidomide["undefined_stereo"] == 1
    assert (salt["fragments"], salt["largest_fragment"], salt["metals"]) == (2, "CC(=O)[O-]", [])


def test_what_cannot_be_docked_is_told(gateway: Gateway) -> None:
    """Metals and radicals by their fields, other elements by a problem, and only for docking."""
    platinum, radical, boron = _describe(gateway, "N[Pt](N)(Cl)Cl", "C[CH2]", "CB(O)O")
    assert (platinum["metals"], platinum["problem"]) == (["Pt"], None)
    assert radical["radical_electrons"] == 1
    assert boron["problem"]["code"] == "element"
    other = gateway.request(
        "POST", "/v1/ligands", json={"task": "protein_ligand_binding", "ligands": [{"smiles": "CB(O)O"}]}
    )
    assert other.json()["rows"][0]["problem"] is None


def test_real_table(gateway: Gateway, reference_data: Path) -> None:
    """1,500 drugs in a few seconds; the unparsable ones are those that RDKit refuses, each with a reason."""
    smiles = _column(reference_data / "ligands_messy" / "BBBP.csv")[:1_500]
    began = time.monotonic()
    rows = _describe(gateway, *smiles)
    assert time.monotonic() - began < 20
    assert [row["index"] for row in rows] == list(range(len(smiles)))
    assert [row["smiles"] for row in rows] == smiles
    RDLogger.DisableLog("rdApp.*")
    refused = [index for index, one in enumerate(smiles) if Chem.MolFromSmiles(one) is None]
    assert [row["index"] for row in rows if row["problem"]] == refused
    assert refused
    assert all(row["problem"]["message"] for row in rows if row["problem"])
    assert all(row["inchikey"] for row in rows if not row["problem"])


def test_rules_refuse_nothing_that_rdkit_reads(reference_data: Path) -> None:
    """The syntax rules are necessary conditions, but for the length."""
    RDLogger.DisableLog("rdApp.*")
    folder = reference_data / "ligands_messy"
    smiles = _column(folder / "BBBP.csv") + _column(folder / "sider.csv")
    problems = {one: syntax_problem(one) for one in smiles}
    refused = [one for one, problem in problems.items() if problem and problem.code != "too_long"]
    assert all(Chem.MolFromSmiles(one) is None for one in refused)
    assert any("%10" in one for one in smiles)
    assert {problem.code for problem in problems.values() if problem} >= {"too_long"}


def test_real_sdfs(gateway: Gateway, reference_data: Path) -> None:
    """Broken records and V3000 are rows with a reason, the others are read."""
    folder = reference_data / "ligands_messy"
    rows = _rows(gateway, sdf=(folder / "standardiser_examples.in.sdf").read_text(errors="replace"))
    assert len(rows) == 77
    codes = [row["problem"]["code"] if row["problem"] else None for row in rows]
    assert {"v3000", "no_atoms", "unparsable", None} <= set(codes)
    v3000 = _rows(gateway, sdf=(folder / "03F.v3000.sdf").read_text())
    assert v3000[0]["problem"]["code"] == "v3000"
    assert "V2000" in v3000[0]["problem"]["message"]
    odd = _rows(gateway, sdf=(folder / "odd_drawings.sdf").read_text())
    assert all(row["canonical_smiles"] or row["problem"] for row in odd)


def test_sdf_line_ends_and_names(gateway: Gateway) -> None:
    """Any line end, a last record without its end, titles kept."""
    block = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")).split("\n", 1)[1]
    text = f"ethanol\n{block}$$$$\n\n{block}"
    for ends in ("\n", "\r\n", "\r"):
        rows = _rows(gateway, sdf=text.replace("\n", ends))
        assert [(row["name"], row["smiles"]) for row in rows] == [("ethanol", "CCO"), (None, "CCO")]


@pytest.mark.parametrize(
    "text", ["", "   ", "\x00\x01binary", "é" * 10, "C" * 100_000, "(" * 400, "C1" * 200, "[" * 400]
)
def test_any_text_gets_a_row(gateway: Gateway, text: str) -> None:
    """Never an error of the whole request."""
    (row,) = _describe(gateway, text)
    assert row["problem"]["message"]
    assert row["canonical_smiles"] is None
    assert len(_rows(gateway, sdf=f"{text}\n$$$$\n")) == 1


def test_limits(gateway: Gateway) -> None:
    """1,500 at most, both ways; one of the two, not both."""
    one = {"smiles": "C"}
    for body in ({"ligands": [one] * 1_501}, {"sdf": "\n\n\n\n$$$$\n" * 1_501}, {"ligands": [one], "sdf": ""}, {}):
        answer = gateway.request("POST", "/v1/ligands", json={"task": "docking", **body})
        assert (answer.status_code, answer.json()["error"]["category"]) == (422, "user")
    assert _rows(gateway, ligands=[]) == []


def test_gateway_answers_while_ligands_are_read(gateway: Gateway) -> None:
    """Chemistry runs beside the event loop."""
    many = [{"smiles": "CC(C)Cc1ccc(cc1)C(C)C(=O)O"}] * 1_500
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(_rows, gateway, ligands=many)
        answered = 0
        while not answer.done():
            answered += gateway.is_up()
        assert len(answer.result()) == 1_500
    assert answered > 10


def test_process_that_ends_is_replaced() -> None:
    """A ligand that ends its process costs itself alone; here the process is killed from outside."""
    pool = LigandPool(1)
    try:
        assert _rows_of(pool, "CCO")[0].canonical_smiles == "CCO"
        os.kill(_child("ligand_process"), signal.SIGKILL)
        rows = _rows_of(pool, "CCO", "CCN")
        assert rows[-1].canonical_smiles == "CCN"
    finally:
        pool.close()


def test_ligand_that_never_ends_is_given_up() -> None:
    """A process that stands still is ended; the row says so, the next one is answered by another process."""
    pool = LigandPool(1, ligand_timeout_s=1)
    try:
        _rows_of(pool, "C")
        process = _child("ligand_process")
        os.kill(process, signal.SIGSTOP)
        rows = _rows_of(pool, "CCO", "CCN")
        assert [row.problem.code if row.problem else None for row in rows] == ["took_too_long", None]
        assert _child("ligand_process") != process
    finally:
        pool.close()


def _rows_of(pool: LigandPool, *smiles: str) -> list[LigandRow]:
    return LigandsAnswer.model_validate_json(pool.describe("smiles", list(smiles), "docking")).rows


def _child(module: str) -> int:
    """The one child process of this test process that runs the module."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
                command = (path / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == os.getpid() and module.encode() in command:
                found.append(int(path.name))
    (only,) = found
    return only
