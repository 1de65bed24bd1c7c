"""The gateway of Modal as it is deployed: its functions, its offer, and predictions through it from end to end."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import modal
import pytest
import stand_ins
from modal_far_side import MODELS, FarModal
from msa_server import MsaServer
from support import SECRET, FarSide, Gateway, eventually, golden
from test_boltz2 import CDK2, LIGAND

from omtx_worker import modal_app, msa
from omtx_worker.executor import Executor
from omtx_worker.failure import Failure
from omtx_worker.local import LocalExecutor
from omtx_worker.modal_alignments import Turns
from omtx_worker.modal_marks import Marks
from omtx_worker.models import GPU_MODELS
from omtx_worker.protocol import ModelsAnswer, RunRequest
from omtx_worker.settings import MsaSettings

BINDING = {"target": {"name": "CDK2", "sequence": CDK2}, "ligand": {"name": "purvalanol B", "smiles": LIGAND}}


def test_functions_are_defined() -> None:
    """One for each model, under its name; the app can be read without an account."""
    for name in (*MODELS, "gateway", "sweep"):
        assert type(getattr(modal_app, name)).__name__ == "Function", name


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        (modal.Dict.get, ["key", "default"]),
        (modal.Dict.put, ["key", "value", "skip_if_exists"]),
        (modal.Dict.pop, ["key", "default"]),
        (modal.FunctionCall.get, ["timeout"]),
        (modal.FunctionCall.cancel, ["terminate_containers"]),
        (modal.FunctionCall.from_id, ["function_call_id"]),
        (modal.Volume.commit, []),
        (modal.Volume.reload, []),
    ],
)
def test_the_installed_client_has_what_is_used(method: Callable[..., Any], parameters: list[str]) -> None:
    """So that what stands in its place does not drift from it."""
    assert set(parameters) <= set(inspect.signature(method).parameters)


def test_executors_have_the_interface() -> None:
    """Every method of it, on both."""
    methods = {name for name in vars(Executor) if not name.startswith("_")}
    assert methods == {"start", "stop", "models", "submit", "run", "cancel"}
    for executor in (LocalExecutor, modal_app.ModalExecutor):
        assert all(callable(getattr(executor, name)) for name in methods)


@pytest.fixture
def at_modal(tmp_path: Path, reference_data: Path) -> Iterator[tuple[Gateway, MsaServer]]:
    """The gateway with two containers for each model, a Boltz that writes real files, and a server for alignments."""
    program = stand_ins.write(tmp_path / "boltz", stand_ins.BOLTZ, reference_data)
    with MsaServer() as server:
        environment = {
            "BOLTZ_COMMAND": str(program),
            "MSA_SERVER_URL": server.url,
            "MSA_CACHE_DIR": str(tmp_path / "alignments"),
            "GPU_HOURS_BOLTZ2": "100",
            "SLOTS_BOLTZ2": "4",
            "MAINTENANCE_CHAI1": "new weights",
        }
        with Gateway(tmp_path, slots=2, queue=0, executor="modal", environment=environment) as running:
            yield running, server


def _request(far: FarSide, run_id: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    outputs = [one.name for one in next(model for model in GPU_MODELS if model.id == "boltz2").outputs]
    request = far.request(run_id, model="boltz2", task="protein_ligand_binding", input=BINDING)
    files = [{"name": name, "put_url": f"{far.url}/files/{run_id}/{name}"} for name in outputs]
    return request | {"parameters": {}, "outputs": files} | changes


def test_offer(at_modal: tuple[Gateway, MsaServer]) -> None:
    """What is deployed, as the golden file has it for the hub's tests, but for docking, which has its own."""
    answer = at_modal[0].request("GET", "/v1/models").json()
    ModelsAnswer.model_validate(answer)
    assert answer["models"][1:] == golden("models_modal")["models"]


def test_children_of_a_target_share_its_alignment(at_modal: tuple[Gateway, MsaServer], far: FarSide) -> None:
    """Two at once, each in a container of its own: one waits and says so, one question to the server, two results."""
    gateway, server = at_modal
    server.states = ["RUNNING"] * 1_000
    for child, stage in (("a-00000:1", "computing the alignment"), ("a-00001:1", "waiting for the alignment")):
        gateway.submit(_request(far, child))
        gateway.wait_for_stage(child, stage)
    eventually(lambda: far.callbacks_of("a-00001:1"), "the callback of the wait")
    server.states.clear()
    runs = [gateway.wait(child) for child in ("a-00000:1", "a-00001:1")]
    assert [run["state"] for run in runs] == ["succeeded"] * 2, runs
    assert len(server.questions) == 1
    told = json.loads(far.file("a-00001:1", "metrics.json"))
    assert told["affinity_pred_value"] == runs[1]["metrics"]["affinity_pred_value"]["value"]
    assert told["provenance"]["alignments"] == ["server"]
    assert {"model_0.cif", "pae.json", "affinity.json"} <= {one["name"] for one in runs[0]["manifest"]}
    assert runs[0].keys() == golden("run_succeeded_binding").keys()
    assert runs[0]["metrics"].keys() == golden("run_succeeded_binding")["metrics"].keys()
    assert runs[0]["provenance"].keys() == golden("run_succeeded_binding")["provenance"].keys()


def test_maintenance_makes_jobs_wait(at_modal: tuple[Gateway, MsaServer], far: FarSide) -> None:
    """No fault of the request: it is told to come again."""
    request = _request(far, "b:1", model="chai1", task="protein_structure", input={"target": BINDING["target"]})
    answer = at_modal[0].request("POST", "/v1/runs", json=request)
    assert (answer.status_code, answer.json()["error"]["category"]) == (429, "quota")
    assert "new weights" in answer.json()["error"]["message"]
    assert int(answer.headers["Retry-After"]) > 0


def test_no_gpu_hours_make_jobs_wait(tmp_path: Path, far: FarSide) -> None:
    """As long as less than an hour is left."""
    environment = {"GPU_HOURS_BOLTZ2": "0.5"}
    with Gateway(tmp_path, slots=1, queue=0, executor="modal", environment=environment) as gateway:
        offered = gateway.request("GET", "/v1/models").json()["models"][1]
        assert (offered["available"], offered["gpu_hours_left"]) == (False, 0.5)
        answer = gateway.request("POST", "/v1/runs", json=_request(far, "c:1"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "full")


def test_busy_server_makes_a_run_wait(at_modal: tuple[Gateway, MsaServer], far: FarSide) -> None:
    """It ends as waiting, which is no failure, and others may compute the alignment after it."""
    gateway, server = at_modal
    server.says = "MAINTENANCE"
    gateway.submit(_request(far, "d:1"))
    run = gateway.wait("d:1")
    assert (run["error"]["category"], run["error"]["code"]) == ("quota", "msa_maintenance")
    server.says = None
    gateway.submit(_request(far, "d:2"))
    assert gateway.wait("d:2")["state"] == "succeeded"


def test_turns_at_an_alignment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One call computes, another waits a while and leaves; a turn of one that is gone is taken over."""
    far = FarModal(tmp_path, SECRET, MODELS, containers=1)
    given = MsaSettings("http://127.0.0.1:9", tmp_path / "alignments", wait_s=5)
    request = RunRequest.model_validate(golden("run_request_binding"))

    def turns(call_id: str) -> Turns:
        return Turns(call_id, Marks(far.entries), given, reload=lambda: None, commit=lambda: None, wait_s=0.1)

    waits: list[str] = []
    first, second = turns("fc-1"), turns("fc-2")
    first.take(request, lambda: waits.append("first"))
    turns("fc-1").take(request, lambda: waits.append("first again"))
    with pytest.raises(Failure, match="another run is computing"):
        second.take(request, lambda: waits.append("second"))
    assert waits == ["second"]
    monkeypatch.setattr("omtx_worker.modal_alignments.STALE_S", 0)
    second.take(request, waits.clear)
    second.give_back()
    third = turns("fc-3")
    third.take(request, waits.clear)
    kept = msa.kept_at(tmp_path / "alignments", msa.key_of([request.input["target"]["sequence"]]))
    kept.parent.mkdir(parents=True)
    kept.write_text("done")
    third.show()
    assert not [key for key in far.entries.all_keys() if key.startswith("msa/")]
    turns("fc-4").take(request, waits.clear)
    assert waits == ["second"]
