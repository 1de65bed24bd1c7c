"""What only Modal can do to a run: races between containers, lost answers, preemption, ends without a result."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import modal.exception as at_modal
import pytest
from modal_far_side import MODELS, FarModal
from support import FAST, SECRET, FarSide, eventually, golden

from omtx_worker import modal_executor, modal_run
from omtx_worker.executor import Full, OtherRequest, Unreachable
from omtx_worker.gateway import create
from omtx_worker.gpu_hours import GpuHours, Ledger
from omtx_worker.modal_executor import ModalExecutor
from omtx_worker.models import remote_models
from omtx_worker.protocol import ModelsAnswer, Progress, Run, RunRequest

SLOTS = dict.fromkeys(MODELS, 2)


def _offer() -> ModelsAnswer:
    return remote_models(SLOTS, {}, lambda _: None)


class Held:
    """A body that starts, says so, and goes on until it is let go; no program is run."""

    def __init__(self) -> None:
        self.far: FarModal | None = None
        self.go = threading.Event()
        self.bodies = 0

    def __call__(self, order: dict[str, Any], call_id: str) -> dict[str, Any]:
        """Do as `modal_run.do` does, but for the run itself."""
        assert self.far is not None
        marks, run_id = self.far.at_modal().marks, order["request"]["run_id"]
        if not marks.first("started", run_id, {"call": call_id, "at": time.time()}):
            taken = marks.get("started", run_id)["call"]
            if taken != call_id:
                return {"taken_by": taken}
        self.bodies += 1
        progress = {"stage": "docking", "fraction": 0.5}
        marks.put("progress", run_id, {"progress": progress, "size": "12 tokens", "log_tail": "docking\n"})
        while not self.go.wait(0.02):
            pass
        timings = {"queued_s": 0.0, "run_s": 1.0}
        return {"run": {"run_id": run_id, "state": "succeeded", "call_id": order["call_id"], "timings": timings}}


@pytest.fixture
def held(tmp_path: Path) -> Iterator[tuple[Held, FarModal]]:
    """An account at Modal whose runs go on until they are let go."""
    body = Held()
    body.far = FarModal(tmp_path, SECRET, MODELS, containers=2, body=body)
    yield body, body.far
    body.go.set()


def _request(run_id: str = "job:1", **changes: Any) -> RunRequest:  # noqa: ANN401
    """A request whose addresses nobody asks."""
    return RunRequest.model_validate(golden("run_request_named") | {"run_id": run_id, "callback": None} | changes)


def _real_request(far: FarSide, **changes: Any) -> RunRequest:  # noqa: ANN401
    return RunRequest.model_validate(far.request("job:1", **changes))


def _state(executor: ModalExecutor, run_id: str = "job:1") -> str | None:
    run = executor.run(run_id)
    return run.state if run else None


def _running(executor: ModalExecutor, run_id: str = "job:1") -> bool:
    return _state(executor, run_id) == "running"


def test_containers_that_are_asked_at_once_make_one_call(held: tuple[Held, FarModal]) -> None:
    """Ten gateways, each with its own executor; one spawns, all answer alike."""
    _, far = held
    executors = [ModalExecutor(far.at_modal(), _offer) for _ in range(10)]
    request = _request()
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda executor: executor.submit(request), executors))
    assert sorted(first for _, first in answers) == [False] * 9 + [True]
    assert len({answer.call_id for answer, _ in answers}) == 1
    assert len(far.calls) == 1
    with pytest.raises(OtherRequest):
        executors[0].submit(_request(parameters=FAST | {"seed": 2}))


def test_any_container_tells_of_any_run(held: tuple[Held, FarModal]) -> None:
    """Progress, then the end, by an executor that has never heard of the run."""
    body, far = held
    accepted, _ = ModalExecutor(far.at_modal(), _offer).submit(_request())
    other = ModalExecutor(far.at_modal(), _offer)
    eventually(lambda: _running(other), "the run starts")
    eventually(lambda: (run := other.run("job:1")) and run.progress, "progress is told")
    body.go.set()
    eventually(lambda: _state(other) == "succeeded", "the run ends")
    run = other.run("job:1")
    assert run is not None
    assert run.call_id == accepted.call_id


def test_spawn_whose_answer_is_lost(held: tuple[Held, FarModal]) -> None:
    """It was done all the same: asked again it is the same run, which its own start makes known."""
    body, far = held
    executor = ModalExecutor(far.at_modal(), _offer)
    far.functions["vina"].lost = at_modal.ServiceError("the answer was lost")
    with pytest.raises(Unreachable):
        executor.submit(_request())
    _, first = executor.submit(_request())
    assert not first
    eventually(lambda: _running(executor), "the run starts")
    body.go.set()
    eventually(lambda: _state(executor) == "succeeded", "the run ends")
    assert body.bodies == 1


def test_claim_whose_answer_is_lost_is_spawned_later(
    held: tuple[Held, FarModal], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway died after the claim and before the spawn: whoever asks after a while spawns."""
    body, far = held
    executor = ModalExecutor(far.at_modal(), _offer)
    far.entries.lost = at_modal.ConnectionError("the answer was lost")
    with pytest.raises(Unreachable):
        executor.submit(_request())
    assert _state(executor) == "queued"
    assert not far.calls
    monkeypatch.setattr(modal_executor, "SPAWN_AGAIN_S", 0.0)
    eventually(lambda: _running(executor), "somebody spawns")
    body.go.set()
    eventually(lambda: _state(executor) == "succeeded", "the run ends")


def test_of_two_calls_for_a_run_one_does_it(held: tuple[Held, FarModal], monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to the spawn was lost and somebody spawned again: the second leaves, the first is told of."""
    body, far = held
    executor = ModalExecutor(far.at_modal(), _offer)
    executor.submit(_request())
    eventually(lambda: _running(executor), "the run starts")
    order = far.entries.get("claim/job:1")["order"]
    second = far.functions["vina"].spawn(order)
    assert "taken_by" in second.get(timeout=5)
    far.entries.put("spawned/job:1", second.object_id)
    assert _running(executor)
    body.go.set()
    eventually(lambda: _state(executor) == "succeeded", "the run ends")
    assert body.bodies == 1


def test_no_room_at_modal(held: tuple[Held, FarModal]) -> None:
    """Told as a quota, and nothing is kept: the next request may be the first."""
    _, far = held
    executor = ModalExecutor(far.at_modal(), _offer)
    far.functions["vina"].refused = at_modal.ResourceExhaustedError("too many calls")
    with pytest.raises(Full, match="Modal quota exceeded"):
        executor.submit(_request())
    assert executor.run("job:1") is None
    assert executor.submit(_request())[1]


@pytest.mark.parametrize(
    ("error", "category", "code"),
    [
        (at_modal.FunctionTimeoutError("Task's current input hit its timeout"), "system", "deadline"),
        (at_modal.InternalFailure("worker lost"), "transient", "lost"),
        (at_modal.RemoteError("Container killed due to OOM"), "system", "out_of_memory"),
        (at_modal.RemoteError("CUDA out of memory. Tried to allocate"), "system", "out_of_memory"),
        (at_modal.RemoteError("task was preempted"), "transient", "preempted"),
        (at_modal.ExecutionError("Could not deserialize remote exception"), "system", "crashed"),
        (at_modal.RemoteError("Runner failed with exit code: 1"), "system", "crashed"),
    ],
)
def test_ends_without_a_result(held: tuple[Held, FarModal], error: Exception, category: str, code: str) -> None:
    """Each has a category and words; what the run told of itself last is kept, also where it was."""
    _, far = held
    executor = ModalExecutor(far.at_modal(), _offer)
    executor.submit(_request())
    eventually(lambda: (run := executor.run("job:1")) and run.progress, "the run starts")
    next(iter(far.calls.values())).fail(error)
    run = executor.run("job:1")
    assert run is not None
    assert run.error is not None
    assert (run.state, run.error.category, run.error.code) == ("failed", category, code)
    assert run.error.log_tail == "docking\n"
    assert run.progress == Progress(stage="docking", fraction=0.5)
    if code == "out_of_memory":
        assert "12 tokens" in run.error.message


def test_cancelled_by_somebody_else(held: tuple[Held, FarModal]) -> None:
    """A cancel that nobody asked for here is told as one, and is worth another try."""
    _, far = held
    executor = ModalExecutor(far.at_modal(), _offer)
    executor.submit(_request())
    eventually(lambda: _running(executor), "the run starts")
    next(iter(far.calls.values())).cancel()
    run = executor.run("job:1")
    assert run is not None
    assert run.error is not None
    assert (run.state, run.error.category) == ("cancelled", "transient")


def test_cancel_before_any_call(held: tuple[Held, FarModal]) -> None:
    """A claim that was never spawned ends at once and is not spawned any more."""
    _, far = held
    executor = ModalExecutor(far.at_modal(), _offer)
    far.entries.lost = at_modal.ConnectionError("the answer was lost")
    with pytest.raises(Unreachable):
        executor.submit(_request())
    run = executor.cancel("job:1")
    assert run is not None
    assert run.state == "cancelled"
    assert not far.calls


def test_results_expire(held: tuple[Held, FarModal], monkeypatch: pytest.MonkeyPatch) -> None:
    """Modal forgets the answer of a call after 7 days, the call itself later on."""
    body, far = held
    executor = ModalExecutor(far.at_modal(), _offer)
    executor.submit(_request())
    eventually(lambda: _running(executor), "the run starts")
    body.go.set()
    eventually(lambda: _state(executor) == "succeeded", "the run ends")
    call = next(iter(far.calls.values()))
    call.expire()
    assert _state(executor) == "expired"
    far.calls.clear()
    run = executor.run("job:1")
    assert run is not None
    assert run.error is not None
    assert (run.state, run.error.code) == ("failed", "lost")
    monkeypatch.setattr(modal_executor, "KEPT_S", 0)
    assert _state(executor) == "expired"


UNREACHABLE = [at_modal.ServiceError("503"), at_modal.ConnectionError("no route"), OSError("reset")]


@pytest.mark.parametrize("error", UNREACHABLE)
def test_modal_does_not_answer(held: tuple[Held, FarModal], error: Exception) -> None:
    """No word on the run: the hub asks again."""
    _, far = held
    executor = ModalExecutor(far.at_modal(), _offer)
    executor.submit(_request())
    next(iter(far.calls.values())).unreachable = error
    with pytest.raises(Unreachable):
        executor.run("job:1")
    far.entries.down = error
    for ask in (lambda: executor.run("job:1"), lambda: executor.submit(_request("b:1"))):
        with pytest.raises(Unreachable):
            ask()


def test_the_gateway_says_when_modal_does_not_answer(held: tuple[Held, FarModal]) -> None:
    """503 in the protocol's shape, for reading and for submitting; the hub takes it for no answer."""
    _, far = held
    far.entries.down = at_modal.ServiceError("deadline exceeded")
    app = create(SECRET, ModalExecutor(far.at_modal(), _offer))

    async def ask() -> list[httpx.Response]:
        transport, headers = httpx.ASGITransport(app), {"Authorization": f"Bearer {SECRET}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client:
            return [
                await client.get("/v1/runs/job:1"),
                await client.delete("/v1/runs/job:1"),
                await client.post("/v1/runs", json=_request().model_dump(mode="json")),
            ]

    for answer in asyncio.run(ask()):
        assert (answer.status_code, answer.json()["error"]["category"]) == (503, "transient")


def test_preempted_while_it_computes(tmp_path: Path, far: FarSide) -> None:
    """The same call starts anew, does the run once more, and puts every file once."""
    account = FarModal(tmp_path, SECRET, MODELS, containers=1)
    executor = ModalExecutor(account.at_modal(), _offer)
    executor.submit(_real_request(far, parameters=FAST | {"exhaustiveness": 4}))
    eventually(lambda: _stage(executor) == "docking", "the run docks")
    (call,) = account.calls.values()
    call.preempt()
    run = eventually(lambda: _ended(executor), "the run ends")
    assert run.state == "succeeded", run
    assert call.tries == 2
    assert far.puts.count("/files/job:1/metrics.json") == 1


def test_preempted_while_it_uploads(tmp_path: Path, far: FarSide) -> None:
    """Files that are put already were put by the first try: the second uploads what that one computed."""
    account = FarModal(tmp_path, SECRET, MODELS, containers=1)
    executor = ModalExecutor(account.at_modal(), _offer)
    far.refuse_after = 2
    executor.submit(_real_request(far))
    eventually(lambda: len(far.uploads) == 2, "two files are put")
    assert account.commits
    (call,) = account.calls.values()
    call.preempt()
    eventually(lambda: call.tries == 2, "the call starts anew")
    far.refuse_after = None
    run = eventually(lambda: _ended(executor), "the run ends")
    assert run.state == "succeeded", run
    assert run.manifest is not None
    assert {one.name: one.size_bytes for one in run.manifest} == {
        path.rpartition("/")[2]: len(content) for path, content in far.uploads.items()
    }
    kept = [path.name for path in (tmp_path / "kept" / "job.1").iterdir()]
    assert sorted(kept) == ["outcome.json", "result.json"]
    modal_run.sweep(tmp_path / "kept")
    assert (tmp_path / "kept" / "job.1").exists()


def test_modal_is_away_while_a_run_goes_on(tmp_path: Path, far: FarSide) -> None:
    """What was computed is uploaded all the same, and the call's own answer tells the end."""
    account = FarModal(tmp_path, SECRET, MODELS, containers=1)
    executor = ModalExecutor(account.at_modal(), _offer)
    executor.submit(_real_request(far))
    eventually(lambda: _stage(executor) is not None, "the run starts")
    account.entries.down = at_modal.ServiceError("deadline exceeded")
    (call,) = account.calls.values()
    assert call.get(timeout=60)["run"]["state"] == "succeeded"
    account.entries.down = None
    assert "ended/job:1" not in account.entries.all_keys()
    assert _state(executor) == "succeeded"
    assert "/files/job:1/metrics.json" in far.uploads


def test_gpu_hours(tmp_path: Path) -> None:
    """A budget less what runs of this month used, counted anew every 300 s; under an hour the model takes nothing."""
    now = 1_767_225_600.0 + 86_400
    ledger = Ledger(tmp_path, reload=lambda: None, commit=lambda: None)
    clock = [now]
    hours = GpuHours({"boltz2": 3.0}, ledger, lambda: clock[0])
    assert hours.left("chai1") is None
    assert hours.left("boltz2") == 3.0
    for run in range(3):
        ledger.record("boltz2", f"job{run}:1", now, now + 2_700)
    ledger.record("boltz2", "old:1", now - 40 * 86_400, now - 40 * 86_400 + 3_600)
    ledger.record("chai1", "other:1", now, now + 3_600)
    assert hours.left("boltz2") == 3.0
    clock[0] += 300
    assert hours.left("boltz2") == pytest.approx(0.75)
    offered = {model.id: model for model in remote_models(SLOTS, {"chai1": "new weights"}, hours.left).models}
    assert (offered["boltz2"].available, offered["boltz2"].gpu_hours_left) == (False, pytest.approx(0.75))
    assert "less than one GPU hour" in (offered["boltz2"].reason or "")
    assert offered["chai1"].maintenance == "new weights"
    assert "gpu_hours_left" not in offered["chai1"].model_dump()
    clock[0] = now + 40 * 86_400
    assert hours.left("boltz2") == 3.0


def _stage(executor: ModalExecutor) -> str | None:
    run = executor.run("job:1")
    return run.progress.stage if run and run.progress else None


def _ended(executor: ModalExecutor) -> Run | None:
    run = executor.run("job:1")
    return run if run and run.state not in ("queued", "running") else None
