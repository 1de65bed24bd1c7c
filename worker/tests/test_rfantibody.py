"""RFantibody: three programs in a row, quivers and designs read, targets and hotspots checked."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import gemmi
import pytest
import stand_ins
from runs import Silent, request_of

from omtx_worker.failure import Failure
from omtx_worker.models import RFANTIBODY_OUTPUTS
from omtx_worker.protocol import RunRequest
from omtx_worker.runners import antibody_input, rfantibody
from omtx_worker.runners.antibody_input import Antibody, Structure
from omtx_worker.runners.antibody_structures import write_antibody, write_target
from omtx_worker.runners.quiver import read_design, read_quiver

TARGET = {"name": "3O5R.pdb", "format": "pdb", "file": "target", "chains": ["A"]}


def _design(task: str = "nanobody_design", parameters: dict[str, Any] | None = None, **changes: Any) -> RunRequest:  # noqa: ANN401
    given = {"target": TARGET, "hotspots": ["A57", "A113"]} | changes
    return request_of("rfantibody", task, given, {"designs": 3} | (parameters or {}), ["target", "antibody"])


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference_data: Path) -> Path:
    """A work folder with the target, and the three programs."""
    for name in ("rfdiffusion", "proteinmpnn", "rf2"):
        stand_ins.write(tmp_path / name, getattr(stand_ins, name.upper()), reference_data)
    monkeypatch.setenv("RFANTIBODY_BIN", str(tmp_path))
    monkeypatch.setenv("RFANTIBODY_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("RFANTIBODY_FRAMEWORKS", str(reference_data / "rfantibody"))
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "input-target").write_bytes((reference_data / "receptors" / "3o5r.pdb").read_bytes())
    return folder


def test_designs(work: Path) -> None:
    """Ranked: those that pass first, then by interaction pAE; each with its sequences, loops and scores."""
    reports = Silent()
    outcome = rfantibody.run(_design(), work, reports)
    assert reports.stages == [
        "preparing the target", "designing backbones", "designing sequences", "predicting designs", "reading results",
    ]  # fmt: skip
    told = json.loads((work / "designs.json").read_text())
    rows = told["designs"]
    assert [row["scores"]["interaction_pae"] for row in rows] == [8.29, 6.29, 7.29]
    assert [row["passes"] for row in rows] == [True, None, False]
    assert rows[0]["scores"]["target_aligned_cdr_rmsd"] == 1.5
    assert rows[1]["scores"]["target_aligned_cdr_rmsd"] is None
    assert len(rows[0]["heavy"]) + len(rows[0]["light"]) > 200
    assert told["units"]["interaction_pae"] == "Å"
    metrics = json.loads((work / "metrics.json").read_text())
    assert metrics["interaction_pae"] == 8.29 == outcome.metrics["interaction_pae"].value
    assert metrics["metrics"]["framework_aligned_cdr_rmsd"]["reason"] == "the model wrote no value"
    assert {file.name for file in outcome.files} <= {file.name for file in RFANTIBODY_OUTPUTS}
    archive = zipfile.ZipFile(io.BytesIO((work / "designs.zip").read_bytes()))
    assert archive.namelist() == ["design_0.pdb", "design_1.pdb", "design_2.pdb"]
    assert archive.read("design_0.pdb") == (work / "best.pdb").read_bytes()
    assert outcome.provenance["loops"] == {"H1": "7", "H2": "6", "H3": "5-13"}
    assert outcome.provenance["hotspots"] == ["A57", "A113"]


def test_target_is_numbered_anew(work: Path) -> None:
    """Protein residues alone, as chain T; hotspots are given by the new numbers, and the old ones are told."""
    target = write_target(Structure(**TARGET), ["A57"], work / "input-target", work / "target.pdb")
    structure = gemmi.read_pdb(str(work / "target.pdb"))
    (chain,) = structure[0]
    assert chain.name == "T"
    numbers = [residue.seqid.num for residue in chain]
    assert numbers == list(range(1, len(target.residues) + 1))
    assert target.hotspots == [f"T{target.residues.index('A57') + 1}"]
    assert all(len({atom.name for atom in residue}) == len(residue) for residue in chain)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"hotspots": ["A999"]}, "no_hotspot"),
        ({"hotspots": ["B57"]}, "no_hotspot"),
        ({"target": TARGET | {"chains": ["Z"]}}, "no_chain"),
        ({"target": TARGET | {"format": "mmcif"}}, "unparsable"),
    ],
)
def test_target_that_cannot_be_used(work: Path, changes: dict[str, Any], code: str) -> None:
    """Said before the GPU is used."""
    with pytest.raises(Failure) as failed:
        rfantibody.run(_design(**changes), work, Silent())
    assert (failed.value.category, failed.value.code) == ("user", code)


@pytest.mark.parametrize(
    ("task", "parameters", "changes", "field"),
    [
        ("nanobody_design", {"designs": 51}, {}, "parameters.designs"),
        ("nanobody_design", {"designs": 0}, {}, "parameters.designs"),
        ("nanobody_design", {"loops": {"H3": "0-5"}}, {}, "parameters.loops"),
        ("nanobody_design", {"loops": {"H4": "5"}}, {}, "parameters.loops.H4.[key]"),
        ("nanobody_design", {}, {"framework": "fab"}, "input.framework"),
        ("antibody_de_novo_design", {}, {"framework": "igg"}, "input.framework"),
        ("epitope_targeted_design", {}, {"hotspots": []}, "input.hotspots"),
        ("nanobody_design", {}, {"hotspots": ["A"]}, "input.hotspots.0"),
        ("nanobody_design", {}, {"hotspots": ["A57", "A57"]}, "input.hotspots"),
        ("nanobody_design", {}, {"target": TARGET | {"file": "nowhere"}}, "input.target.file"),
        (
            "cdr_optimization",
            {},
            {"antibody": {"name": "a", "format": "pdb", "file": "antibody", "heavy": "H"}, "loops": ["L1"]},
            "input",
        ),
    ],
)
def test_refused_at_once(task: str, parameters: dict[str, Any], changes: dict[str, Any], field: str) -> None:
    """With the path of the field at fault."""
    with pytest.raises(Failure) as failed:
        antibody_input.check(_design(task, parameters, **changes))
    assert failed.value.field == field


def test_frameworks(work: Path, reference_data: Path) -> None:
    """A framework that is not there is the operator's fault; loops that it does not have are the owner's."""
    with pytest.raises(Failure, match="not installed"):
        rfantibody.run(_design("antibody_de_novo_design", framework="fab"), work, Silent())
    with pytest.raises(Failure, match="no loop L1"):
        rfantibody.run(_design(parameters={"loops": {"L1": "8"}}), work, Silent())


def test_known_antibody(work: Path, reference_data: Path) -> None:
    """Chothia numbers tell the loops; the chosen ones are designed as long as they are."""
    framework = reference_data / "rfantibody" / "h-NbBCII10.pdb"
    (work / "input-antibody").write_bytes(framework.read_bytes())
    antibody = {"name": "a nanobody", "format": "pdb", "file": "antibody", "heavy": "H"}
    lengths = write_antibody(Antibody(**antibody), work / "input-antibody", work / "framework.pdb")
    assert lengths == {"H1": 7, "H2": 5, "H3": 8}
    outcome = rfantibody.run(_design("cdr_optimization", antibody=antibody, loops=["H3"]), work, Silent())
    assert outcome.provenance["loops"] == {"H3": "8"}
    assert outcome.provenance["framework"] == "a nanobody"


def test_programs_that_write_nothing(work: Path, tmp_path: Path) -> None:
    """Each step's files are looked for before the next one begins."""
    for name in ("rf2", "proteinmpnn", "rfdiffusion"):
        stand_ins.write(tmp_path / name, stand_ins.saying("CUDA error: out of memory"), None)
        with pytest.raises(Failure, match=r"GPU ran out of memory.*designs") as failed:
            rfantibody.run(_design(), work, Silent())
        assert failed.value.code == "out_of_memory"
        for left in ("backbones.qv", "sequences.qv"):
            (work / left).unlink(missing_ok=True)
        for prediction in (work / "predictions").glob("*"):
            prediction.unlink()


def test_quiver_of_the_reference(reference_data: Path) -> None:
    """Tags, scores and lines of a real file."""
    entries = read_quiver((reference_data / "rfantibody" / "nb_designs.qv").read_text())
    assert [entry.tag for entry in entries] == ["samples_design_0", "samples_design_1"]
    assert entries[0].scores == {"mindist": 7.16, "averagemin": 7.27}
    design = read_design("\n".join(entries[0].lines))
    assert design.sequences.keys() == {"H", "T"}
    assert len(design.loops["H1"]) == 7


def test_design_of_the_reference(reference_data: Path) -> None:
    """Scores and chains of a real RF2 result; residues are counted over all chains."""
    path = next((reference_data / "rfantibody").glob("*_best.pdb"))
    design = read_design(path.read_text())
    assert design.scores == {"interaction_pae": 8.29, "pae": 5.09, "pred_lddt": 0.94}
    assert list(design.sequences) == ["H", "L", "T"]
    assert design.sequences["H"].startswith("S")
