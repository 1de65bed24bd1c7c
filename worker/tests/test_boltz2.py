"""Boltz-2: its input file, its output read value for value, and what it says when it writes none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import stand_ins
from runs import Silent, request_of

from omtx_worker.failure import Failure
from omtx_worker.models import BOLTZ_OUTPUTS
from omtx_worker.protocol import RunRequest
from omtx_worker.results import Outcome
from omtx_worker.runners import boltz2
from omtx_worker.runners.folding import assemble
from omtx_worker.runners.sequence_input import read_boltz

CDK2 = (
    "MENFQKVEKIGEGTYGVVYKARNKLTGEVVALKKIRLDTETEGVPSTAIREISLLKELNHPNIVKLLDVIHTENKLYLVFEFLHQDLKKFMDASALTGIPLPLIKSYLFQLLQGLAFCHS"
    "HRVLHRDLKPQNLLINTEGAIKLADFGLARAFGVPVRTYTHEVVTLWYRAPEILLGCKYYSTAVDIWSLGCIFAEMVTRRALFPGDSEIDQLFRIFRTLGTPDEVVWPGVTSMPDYKPSF"
    "PKWARQDFSKVVPPLDEDGRSLLSQMLHYDPNKRISAKAALAHPFFQDVTKPVPHLRL"
)
LIGAND = "CC(C)[C@H](CO)Nc1nc(Nc2ccc(C(=O)O)c(Cl)c2)c2ncn(C(C)C)c2n1"
A3M = f">query\n{CDK2}\n>hit\n{'-' * len(CDK2)}\n"
TARGET = {"name": "CDK2", "sequence": CDK2, "msa": "msa"}


def _binding(task: str = "protein_ligand_binding", **changes: Any) -> RunRequest:  # noqa: ANN401
    given = {"target": TARGET, "ligand": {"name": "purvalanol B", "smiles": LIGAND}} | changes
    return request_of("boltz2", task, given, files=["msa"])


@pytest.fixture
def boltz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference_data: Path) -> Path:
    """A work folder, and a Boltz that writes the real files of CDK2."""
    program = stand_ins.write(tmp_path / "boltz", stand_ins.BOLTZ, reference_data)
    return _work(tmp_path, program, monkeypatch)


def _work(tmp_path: Path, program: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BOLTZ_COMMAND", str(program))
    monkeypatch.delenv("MSA_SERVER_URL", raising=False)
    work = tmp_path / "work"
    work.mkdir()
    (work / "input-msa").write_text(A3M)
    return work


@pytest.fixture
def affinity(boltz: Path) -> tuple[Path, Outcome]:
    """An ended prediction of CDK2 with its ligand."""
    return boltz, boltz2.run(_binding(), boltz, Silent())


def test_values_are_those_of_the_files(affinity: tuple[Path, Outcome], reference_data: Path) -> None:
    """Each as Boltz wrote it, with unit, direction and source."""
    work, outcome = affinity
    told = json.loads((work / "metrics.json").read_text())
    theirs = reference_data / "boltz2_cdk2" / "predictions" / stand_ins.REFERENCE_STEM
    expected = json.loads((theirs / f"affinity_{stand_ins.REFERENCE_STEM}.json").read_text())
    confidence = json.loads((theirs / f"confidence_{stand_ins.REFERENCE_STEM}_model_0.json").read_text())
    for key, value in expected.items():
        assert told[key] == value == outcome.metrics[key].value
        assert told["metrics"][key]["source"] == {"file": "affinity.json", "key": key}
    assert told["metrics"]["affinity_pred_value"]["unit"] == "log10(IC50/µM)"
    assert told["metrics"]["affinity_pred_value"]["better"] == "low"
    assert told["metrics"]["complex_pde"]["unit"] == "Å"
    assert told["iptm"] == confidence["iptm"]
    assert [(row["first"], row["second"], row["iptm"]) for row in told["chain_pairs"]] == [
        ("A", "B", confidence["pair_chains_iptm"]["0"]["1"]),
        ("B", "A", confidence["pair_chains_iptm"]["1"]["0"]),
    ]
    assert [(row["chain"], row["kind"], row["ptm"]) for row in told["chains"]] == [
        ("A", "protein", confidence["chains_ptm"]["0"]),
        ("B", "ligand", confidence["chains_ptm"]["1"]),
    ]


def test_what_does_not_apply_is_missing(affinity: tuple[Path, Outcome]) -> None:
    """Boltz writes 0.0 for the ipTM between proteins where there is one protein."""
    work, outcome = affinity
    told = json.loads((work / "metrics.json").read_text())
    assert told["protein_iptm"] is None
    assert told["metrics"]["protein_iptm"]["reason"] == "one protein chain"
    assert "protein_iptm" not in outcome.metrics


def test_files_have_declared_names(affinity: tuple[Path, Outcome], reference_data: Path) -> None:
    """Structure and confidences as they were written, pLDDT and PAE as tables of the same tokens."""
    work, outcome = affinity
    names = {file.name for file in outcome.files}
    assert names == {
        "model_0.cif", "confidence_0.json", "affinity.json", "plddt.json", "pae.json", "input.yaml", "metrics.json",
        "log.txt",
    }  # fmt: skip
    assert names < {file.name for file in BOLTZ_OUTPUTS}
    assert all((work / name).exists() for name in (*names, *outcome.extra))
    plddt, pae = json.loads((work / "plddt.json").read_text()), json.loads((work / "pae.json").read_text())
    assert len(plddt["plddt"]) == len(pae["pae"]) == len(pae["pae"][0]) == 328
    assert plddt["chain"].count("A") == 298
    assert [plddt[column][0] for column in ("chain", "residue", "name", "atom")] == ["A", 1, "MET", None]
    assert plddt["plddt"][0] == pytest.approx(79.32, abs=0.01)
    assert plddt["atom"][298:300] == ["C50", "C54"]
    assert pae["pae"][0][1] == pytest.approx(0.91)


def test_input_file_is_what_boltz_reads(affinity: tuple[Path, Outcome]) -> None:
    """The same molecules as in the input that the reference was made with, and the alignment beside them."""
    text = (affinity[0] / "input.yaml").read_text()
    assert text == (
        "version: 1\nsequences:\n"
        f'  - protein:\n      id: ["A"]\n      sequence: "{CDK2}"\n      msa: "msa_0.a3m"\n'
        f'  - ligand:\n      id: ["B"]\n      smiles: "{LIGAND}"\n'
        'properties:\n  - affinity:\n      binder: "B"\n'
    )


def test_binding_site(boltz: Path) -> None:
    """Residues within 4 Å of the ligand, the hinge of CDK2 among them, most often touched first."""
    outcome = boltz2.run(_binding("binding_site_prediction"), boltz, Silent())
    site = json.loads((boltz / "binding_site.json").read_text())
    assert site["structures"] == 5
    assert {row["residue"] for row in site["residues"]} >= {81, 83}
    assert all(row["contact_frequency"] == 1 and row["nearest_angstrom"] <= 4 for row in site["residues"])
    assert site["residues"] == sorted(site["residues"], key=lambda row: row["nearest_angstrom"])
    assert "affinity_pred_value" not in outcome.metrics
    assert "affinity" not in (boltz / "input.yaml").read_text()
    assert (boltz / "model_4.cif").exists()


def test_copies_mutations_and_codes(tmp_path: Path) -> None:
    """A complex: each copy its letter, the mutant's sequence, a CCD code instead of SMILES."""
    proteins = [
        {"name": "a", "sequence": CDK2[:20], "mutations": ["E2A"], "copies": 2},
        {"name": "b", "sequence": CDK2},
    ]
    given = {"proteins": proteins, "ligands": [{"name": "haem", "ccd": "HEM", "copies": 2}]}
    molecules, _ = read_boltz(request_of("boltz2", "protein_complex", given))
    text = boltz2.yaml_of(molecules, assemble(molecules, affinity=False), ["a.csv", "b.csv"], affinity=False)
    assert 'id: ["A", "B"]\n      sequence: "MANFQK' in text
    assert 'id: ["C"]' in text
    assert '  - ligand:\n      id: ["D", "E"]\n      ccd: "HEM"' in text


@pytest.mark.parametrize(
    ("says", "status", "category", "code"),
    [
        ("| WARNING: ran out of memory, skipping batch", 0, "system", "out_of_memory"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", 1, "system", "out_of_memory"),
        ("Failed to process input.yaml. Skipping. Error: CCD component QQQQQ not found!.", 0, "user", "refused"),
        ("ValueError: Invalid protein sequence", 1, "user", "invalid"),
        ("requests.exceptions.ConnectionError: Network timeout", 1, "transient", "network"),
        ("Missing MSA's in input and --use_msa_server flag not set.", 1, "system", "no_result"),
        ("", 0, "system", "no_result"),
    ],
)
def test_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, status: int, category: str, code: str
) -> None:
    """Exit code 0 without output is a failure like any other; memory is told with the size of the input."""
    work = _work(tmp_path, stand_ins.write(tmp_path / "boltz", stand_ins.saying(says, status), None), monkeypatch)
    with pytest.raises(Failure) as failed:
        boltz2.run(_binding(), work, Silent())
    assert (failed.value.category, failed.value.code) == (category, code)
    if code == "out_of_memory":
        assert "298 residues" in failed.value.message
    assert says in (work / "log.txt").read_text()


def test_missing_file(boltz: Path, tmp_path: Path, reference_data: Path) -> None:
    """A structure without its confidences is no result."""
    body = stand_ins.BOLTZ + "\nnext(out.glob('confidence*')).unlink()\n"
    stand_ins.write(tmp_path / "boltz", body, reference_data)
    with pytest.raises(Failure, match="without its file confidence_input_model_0"):
        boltz2.run(_binding(), boltz, Silent())


@pytest.mark.parametrize(
    ("smiles", "code"),
    [("C" * 129, "too_large"), ("C[N](C)(C)(C)C", "unparsable")],
)
def test_ligand_that_cannot_be_used(boltz: Path, smiles: str, code: str) -> None:
    """Before the GPU is used."""
    with pytest.raises(Failure) as failed:
        boltz2.run(_binding(ligand={"name": "a ligand", "smiles": smiles}), boltz, Silent())
    assert (failed.value.category, failed.value.code) == ("user", code)


def test_warnings(boltz: Path) -> None:
    """What is no fault and yet worth knowing is told with the result."""
    smiles = "CC(F)(Cl)" + "C" * 60 + ".Cl"
    boltz2.run(_binding(ligand={"name": "long", "smiles": smiles}), boltz, Silent())
    warnings = json.loads((boltz / "metrics.json").read_text())["warnings"]
    assert [word for word in ("2 fragments", "1 stereo", "larger than the 56") if word not in " ".join(warnings)] == []
