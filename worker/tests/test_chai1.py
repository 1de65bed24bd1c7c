"""Chai-1: its input file, its models ranked, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import stand_ins
from runs import Silent, request_of

from omtx_worker.failure import Failure
from omtx_worker.models import CHAI_OUTPUTS
from omtx_worker.protocol import RunRequest
from omtx_worker.runners import chai1, sequence_input

PROTEIN = "GTFHKEDLVARLKSEGVSFVLATHPLDK"
GIVEN = {
    "proteins": [{"name": "a dimer", "sequence": PROTEIN, "copies": 2}],
    "ligands": [{"name": "a ligand", "smiles": "CCO", "copies": 2}],
}


def _complex(given: dict[str, object] | None = None, samples: int = 2, files: list[str] | None = None) -> RunRequest:
    return request_of("chai1", "protein_complex", given or GIVEN, {"diffusion_samples": samples}, files)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference_data: Path) -> Path:
    """A work folder, and a Chai that writes the real files of a dimer with two ligands."""
    monkeypatch.setenv("CHAI_COMMAND", str(stand_ins.write(tmp_path / "chai", stand_ins.CHAI, reference_data)))
    monkeypatch.delenv("MSA_SERVER_URL", raising=False)
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def test_models_are_ranked(work: Path, reference_data: Path) -> None:
    """Chai's second model is the better one here, and is model 0 of ours."""
    outcome = chai1.run(_complex(), work, Silent())
    told = json.loads((work / "metrics.json").read_text())
    assert [round(row["aggregate_score"], 6) for row in told["structures"]] == [0.967094, 0.966793]
    theirs = reference_data / "chai1_6bj9"
    assert (work / "model_0.cif").read_bytes() == (theirs / "pred.model_idx_1.cif").read_bytes()
    assert (work / "model_1.cif").read_bytes() == (theirs / "pred.model_idx_0.cif").read_bytes()
    assert outcome.metrics["aggregate_score"].value == told["aggregate_score"] == pytest.approx(0.967094)
    assert outcome.metrics["iptm"].source.file == "confidence_0.json"
    assert json.loads((work / "confidence_0.json").read_text())["iptm"] == outcome.metrics["iptm"].value
    assert told["structures"][0]["has_inter_chain_clashes"] is False
    assert {file.name for file in outcome.files} <= {file.name for file in CHAI_OUTPUTS}
    assert len(told["chain_pairs"]) == 12
    pairs = {(row["first"], row["second"]): row["iptm"] for row in told["chain_pairs"]}
    assert pairs["A", "B"] == pytest.approx(0.964303)
    assert pairs["A", "B"] != pairs["B", "A"]
    assert "without alignments" in " ".join(told["warnings"])


def test_plddt_is_read_from_the_b_factors(work: Path) -> None:
    """0 to 100, a row for each residue and each atom of a ligand."""
    chai1.run(_complex(), work, Silent())
    plddt = json.loads((work / "plddt.json").read_text())
    assert 0 < min(plddt["plddt"]) < max(plddt["plddt"]) <= 100
    assert plddt["atom"].count(None) == plddt["chain"].count("A") + plddt["chain"].count("B")
    assert plddt["chain"].count("C") == plddt["chain"].count("D")
    assert not (work / "pae.json").exists()


def test_input_file(work: Path) -> None:
    """Every copy by itself, each with a name of its own."""
    chai1.run(_complex(), work, Silent())
    assert (work / "input.fasta").read_text() == (
        f">protein|name=A\n{PROTEIN}\n>protein|name=B\n{PROTEIN}\n>ligand|name=C\nCCO\n>ligand|name=D\nCCO\n"
    )


def test_uploaded_alignment_is_used(work: Path) -> None:
    """It is brought into Chai's form."""
    (work / "input-a3m").write_text(f">q\n{PROTEIN}\n>hit\n{'-' * len(PROTEIN)}\n")
    given = {"proteins": [{"name": "a", "sequence": PROTEIN, "msa": "a3m", "copies": 4}]}
    chai1.run(_complex(given, files=["a3m"]), work, Silent())
    assert len(list((work / "alignments").glob("*.aligned.pqt"))) == 1
    told = json.loads((work / "metrics.json").read_text())
    assert told["provenance"]["alignments"] == ["uploaded"]
    assert told["warnings"] == []


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"proteins": [{"name": "a", "sequence": "A" * 1_025, "copies": 2}]}, "input", "2050 residues"),
        (
            {"proteins": [{"name": "a", "sequence": PROTEIN}], "ligands": [{"name": "h", "ccd": "HEM"}]},
            "input.ligands.0.ccd",
            "SMILES only",
        ),
        ({"proteins": [{"name": "a", "sequence": PROTEIN}]}, "input", "at least two chains"),
        (
            {"proteins": [{"name": "a", "sequence": PROTEIN, "msa": "x", "copies": 2}]},
            "input.proteins.0.msa",
            "not among",
        ),
    ],
)
def test_refused_at_once(given: dict[str, object], field: str, words: str) -> None:
    """What no GPU is needed to know."""
    with pytest.raises(Failure, match=words) as failed:
        sequence_input.check_chai(_complex(given))
    assert failed.value.field == field


def test_tokens_count_ligand_atoms(work: Path) -> None:
    """2,040 residues and 12 atoms are more than 2,048."""
    given = {
        "proteins": [{"name": "a", "sequence": "A" * 1_020, "copies": 2}],
        "ligands": [{"name": "l", "smiles": "CCCCCC", "copies": 2}],
    }
    with pytest.raises(Failure, match="2052 tokens"):
        chai1.run(_complex(given), work, Silent())


def test_no_result(work: Path, tmp_path: Path) -> None:
    """A Chai that refuses the input says why."""
    words = "chai_lab.chai1.UnsupportedInputError: Too many tokens in input"
    stand_ins.write(tmp_path / "chai", stand_ins.saying(words, 1), None)
    with pytest.raises(Failure, match="Too many tokens") as failed:
        chai1.run(_complex(), work, Silent())
    assert failed.value.category == "user"


def test_fewer_models_than_asked_for(work: Path) -> None:
    """A file that is missing is no success."""
    with pytest.raises(Failure, match=r"without its file pred.model_idx_2.cif"):
        chai1.run(_complex(samples=3), work, Silent())
