"""The golden files: they fit the shapes, and the gateway speaks exactly so. The hub's tests read the same files."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from rdkit import Chem
from support import Gateway, golden

from omtx_worker import protocol, sequences
from omtx_worker.callback import SIGNATURE_HEADER, TIMESTAMP_HEADER, signature
from omtx_worker.models import check
from omtx_worker.smiles import syntax_problem

SHAPES: dict[str, type[BaseModel]] = {
    "run_request_named": protocol.RunRequest,
    "run_request_receptor": protocol.RunRequest,
    "run_request_structure": protocol.RunRequest,
    "run_request_complex": protocol.RunRequest,
    "run_request_binding": protocol.RunRequest,
    "run_request_site": protocol.RunRequest,
    "run_request_design": protocol.RunRequest,
    "run_request_optimization": protocol.RunRequest,
    "run_accepted": protocol.RunAccepted,
    "run_queued": protocol.Run,
    "run_running": protocol.Run,
    "run_succeeded": protocol.Run,
    "run_succeeded_binding": protocol.Run,
    "run_failed": protocol.Run,
    "run_cancelled": protocol.Run,
    "ligands_request": protocol.LigandsRequest,
    "ligands_answer": protocol.LigandsAnswer,
    "models": protocol.ModelsAnswer,
    "models_modal": protocol.ModelsAnswer,
}


@pytest.mark.parametrize("name", SHAPES)
def test_fits_its_shape(name: str) -> None:
    """Nothing is missing, and nothing is left over."""
    given = golden(name)
    read = SHAPES[name].model_validate(given)
    assert read.model_dump(mode="json", exclude_unset=True) == given


@pytest.mark.parametrize("name", SHAPES)
def test_an_unknown_field_is_refused(name: str) -> None:
    """So that a field which only one side knows is noticed."""
    with pytest.raises(ValidationError, match="surprise"):
        SHAPES[name].model_validate(golden(name) | {"surprise": 1})


@pytest.mark.parametrize("name", [name for name, shape in SHAPES.items() if shape is protocol.RunRequest])
def test_requests_pass_the_check(name: str) -> None:
    """Input and parameters, too, are as the runner wants them."""
    check(protocol.RunRequest.model_validate(golden(name)))


def test_models_are_what_the_gateway_offers(gateway: Gateway) -> None:
    """All of it but slots and queue, which differ from machine to machine."""
    assert _without_slots(gateway.request("GET", "/v1/models").json()) == _without_slots(golden("models"))


def test_ligands_are_what_the_gateway_answers(gateway: Gateway) -> None:
    """The whole answer, number for number."""
    answer = gateway.request("POST", "/v1/ligands", json=golden("ligands_request"))
    assert answer.status_code == 200
    assert answer.json() == golden("ligands_answer")


def test_callback_is_signed_as_written() -> None:
    """The signature covers time, run id and body."""
    given = golden("callback")
    body = given["body"].encode()
    protocol.Run.model_validate_json(body)
    timestamp = given["headers"][TIMESTAMP_HEADER]
    assert signature(given["secret"], timestamp, given["run_id"], body) == given["headers"][SIGNATURE_HEADER]
    assert signature(given["secret"], timestamp, given["run_id"], body + b" ") != given["headers"][SIGNATURE_HEADER]


@pytest.mark.parametrize("rule", golden("smiles_rules"), ids=lambda rule: repr(rule["smiles"][:30]))
def test_smiles_rule(rule: dict[str, Any]) -> None:
    """The code that browser and server give as well; what passes here is read by RDKit in these examples."""
    problem = syntax_problem(rule["smiles"])
    assert (problem.code if problem else None) == rule["code"]
    assert rule["ok"] == (problem is None)
    if rule["ok"]:
        assert Chem.MolFromSmiles(rule["smiles"].strip()) is not None


@pytest.mark.parametrize("rule", golden("sequence_rules"), ids=lambda rule: repr(rule["sequence"][:30]))
def test_sequence_rule(rule: dict[str, Any]) -> None:
    """The code and the position that browser and server give as well, and the same letters afterwards."""
    problem = sequences.problem(rule["sequence"])
    assert (problem.code if problem else None, problem.position if problem else None) == (
        rule["code"],
        rule["position"],
    )
    assert rule["ok"] == (problem is None)
    if rule["ok"]:
        assert sequences.clean(rule["sequence"]) == rule["clean"]


def test_mutations_are_checked_against_the_wild_type() -> None:
    """Numbered from 1; what does not fit is told."""
    assert sequences.mutated("MENFQ", ["E2A", "Q5K"]) == "MANFK"
    for mutation, words in {
        "K2A": "residue 2 is E",
        "E9A": "only 5 residues",
        "e2a": "no mutation",
        "E2E2": "no mutation",
    }.items():
        with pytest.raises(ValueError, match=words):
            sequences.mutated("MENFQ", [mutation])
    with pytest.raises(ValueError, match="twice"):
        sequences.mutated("MENFQ", ["E2A", "E2K"])


def _without_slots(models: dict[str, Any]) -> list[dict[str, Any]]:
    return [{key: value for key, value in model.items() if key not in ("slots", "queue")} for model in models["models"]]
