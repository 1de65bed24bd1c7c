"""What every executor must do, through the gateway: processes of this machine, and functions at Modal."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support import IMATINIB, OUTPUTS, SLOW, FarSide, Gateway, eventually, golden

from omtx_worker import protocol


@pytest.fixture(params=["local", "modal"])
def any_gateway(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway with one slot, on each of the executors."""
    with Gateway(tmp_path, slots=1, queue=1, executor=request.param) as running:
        yield running


def _slow(far: FarSide, run_id: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return far.request(run_id, IMATINIB, parameters=SLOW, **changes)


def test_many_posts_at_once_are_one_run(any_gateway: Gateway, far: FarSide) -> None:
    """One is told that it was the first, all get the same answer, one run is made, its files are put once."""
    request = far.request("same:1")
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda _: any_gateway.request("POST", "/v1/runs", json=request), range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] * 11 + [202]
    assert len({answer.text for answer in answers}) == 1
    protocol.RunAccepted.model_validate(answers[0].json())
    run = any_gateway.wait("same:1")
    assert run["state"] == "succeeded", run
    assert run["call_id"] == answers[0].json()["call_id"]
    assert {one["name"] for one in run["manifest"]} == set(OUTPUTS)
    assert far.puts.count("/files/same:1/metrics.json") == 1
    assert run.keys() == golden("run_succeeded").keys()
    assert run["timings"]["queued_s"] >= 0
    assert run["timings"]["run_s"] > 0
    late = any_gateway.request("POST", "/v1/runs", json=request)
    assert (late.status_code, late.text) == (200, answers[0].text)
    eventually(lambda: far.callbacks_of("same:1")[-1]["state"] == "succeeded", "the callback of the end")


def test_same_id_with_another_body_is_refused(any_gateway: Gateway, far: FarSide) -> None:
    """Addresses that are only signed anew are no other body."""
    request = _slow(far, "body:1")
    any_gateway.submit(request)
    other = any_gateway.request("POST", "/v1/runs", json=far.request("body:1", "CCC"))
    assert (other.status_code, other.json()["error"]["field"]) == (409, "run_id")
    for output in request["outputs"]:
        output["put_url"] = output["put_url"].replace("signature=1", "signature=2")
    assert any_gateway.request("POST", "/v1/runs", json=request).status_code == 200
    any_gateway.request("DELETE", "/v1/runs/body:1")


def test_a_file_comes_with_the_headers_of_its_address(any_gateway: Gateway, far: FarSide) -> None:
    """They are signed and must come as they are, each once; other ones at the next asking are no other body."""
    request = far.request("headers:1")
    asked = {"content-type": "text/x-said-by-the-hub", "x-goog-if-generation-match": "0", "x-goog-meta-job": "headers"}
    for output in request["outputs"]:
        if output["name"] != "log.txt":
            output["headers"] = asked
    any_gateway.submit(request)
    run = any_gateway.wait("headers:1")
    assert run["state"] == "succeeded", run
    sent = far.headers["/files/headers:1/poses.sdf"]
    assert sorted(pair for pair in sent if pair[0] in asked) == sorted(asked.items()), sent
    plain = dict(far.headers["/files/headers:1/log.txt"])
    assert plain["content-type"] == "text/plain"
    assert not [name for name in plain if name.startswith("x-goog")]
    for output in request["outputs"]:
        output.pop("headers", None)
    assert any_gateway.request("POST", "/v1/runs", json=request).status_code == 200


def test_cancel(any_gateway: Gateway, far: FarSide) -> None:
    """A running one with its program, a waiting one at once; a second cancel changes nothing."""
    any_gateway.submit(_slow(far, "cancel-a:1"))
    any_gateway.submit(_slow(far, "cancel-b:1"))
    going = any_gateway.wait_for_stage("cancel-a:1", "docking")
    assert going["state"] == "running"
    assert any_gateway.run("cancel-b:1")["state"] == "queued"
    assert any_gateway.vinas()
    for run_id in ("cancel-b:1", "cancel-a:1"):
        answer = any_gateway.request("DELETE", f"/v1/runs/{run_id}")
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
        assert answer.json()["error"]["code"] == "cancelled"
        assert (answer.json()["progress"] or {}).get("stage") == ("docking" if run_id == "cancel-a:1" else None)
        assert any_gateway.request("DELETE", f"/v1/runs/{run_id}").json() == answer.json()
    eventually(lambda: not any_gateway.vinas(), "the program of the run ends", timeout_s=10)
    assert any_gateway.request("DELETE", "/v1/runs/nobody:1").status_code == 404


def test_cancel_of_an_ended_run_changes_nothing(any_gateway: Gateway, far: FarSide) -> None:
    """It stays as it ended."""
    any_gateway.submit(far.request("ended:1"))
    ended = any_gateway.wait("ended:1")
    assert ended["state"] == "succeeded"
    assert any_gateway.request("DELETE", "/v1/runs/ended:1").json() == ended


def test_deadline(any_gateway: Gateway, far: FarSide) -> None:
    """A run that takes too long is ended, and the log's tail tells how far it came."""
    any_gateway.submit(_slow(far, "late:1", deadline_s=8))
    run = any_gateway.wait("late:1")
    assert (run["state"], run["error"]["category"], run["error"]["code"]) == ("failed", "system", "deadline")
    assert "took longer than 8 s" in run["error"]["message"]
    assert "docking" in run["error"]["log_tail"]
    assert run["progress"]["stage"] == "docking"
    # The deadline counts from when the run's process was begun; the process tells its own start a moment later.
    assert 8 < run["timings"]["queued_s"] + run["timings"]["run_s"] < 16
    eventually(lambda: not any_gateway.vinas(), "the program of the run ends", timeout_s=10)


def test_failure_of_the_input(any_gateway: Gateway, far: FarSide) -> None:
    """The run's own words come through: category, code, message and where it was; in the callback too."""
    any_gateway.submit(far.request("metal:1", "N[Pt](N)(Cl)Cl"))
    run = any_gateway.wait("metal:1")
    assert (run["state"], run["error"]["category"], run["error"]["code"]) == ("failed", "user", "metal")
    assert run["progress"] == golden("run_failed")["progress"] == {"stage": "preparing ligand", "fraction": None}
    eventually(lambda: far.callbacks_of("metal:1")[-1] == run, "the callback of the end")


def test_what_cannot_be_asked_for(any_gateway: Gateway, far: FarSide) -> None:
    """Refused at once by every executor, and not kept."""
    for changes in ({"model": "nothing"}, {"task": "protein_structure"}, {"parameters": {"poses": 0}}):
        assert any_gateway.request("POST", "/v1/runs", json=far.request("bad:1", **changes)).status_code == 422
    assert any_gateway.request("GET", "/v1/runs/bad:1").status_code == 404


def test_models_have_the_shape(any_gateway: Gateway) -> None:
    """Every model is told of, with docking offered by both."""
    models = protocol.ModelsAnswer.model_validate(any_gateway.request("GET", "/v1/models").json()).models
    assert [model.id for model in models] == ["vina", "boltz2", "chai1", "rfantibody"]
    assert models[0].available
