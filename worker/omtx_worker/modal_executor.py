"""Runs as function calls at Modal: claimed once among all containers of the gateway, spawned, polled, cancelled.

The claim comes before the spawn, so that of many requests one spawns. A gateway that dies between the two leaves a
claim without a call: whoever asks next spawns again, and of two calls for a run the first that starts does it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import modal.exception as at_modal

from omtx_worker.executor import Full, OtherRequest, Unreachable
from omtx_worker.failure import Failure, of_text, system_failure
from omtx_worker.modal_marks import Marks
from omtx_worker.protocol import ModelsAnswer, Progress, Run, RunAccepted, RunRequest, State, Timings
from omtx_worker.run_folder import CANCELLED, cancelled_on_request, fingerprint

KEPT_S = 7 * 24 * 3_600
"""How long Modal keeps the result of a call, and how long a result is given out here."""

SPAWN_AGAIN_S = 60.0
"""After how long a claim without a call is taken to be one whose gateway has died."""

_CANCEL_WAIT_S = 5.0
_LOOK_EVERY_S = 0.25
_UNREACHABLE = (
    at_modal.AuthError,
    at_modal.ClientClosed,
    at_modal.ConnectionError,
    at_modal.InternalError,
    at_modal.PermissionDeniedError,
    at_modal.ResourceExhaustedError,
    at_modal.ServiceError,
    OSError,
)
"""What Modal's client raises when it is Modal, and not the run, that is at fault: a run's faults are in its answer."""


class Call(Protocol):
    """The part of `modal.FunctionCall` that is used."""

    object_id: str

    def get(self, timeout: float | None = None) -> Any:  # noqa: ANN401 - the answer of `modal_run.do`
        """The answer; raises `TimeoutError` while there is none, and what ended the call without one."""

    def cancel(self, terminate_containers: bool = False) -> None:
        """End the call."""


class Function(Protocol):
    """The part of `modal.Function` that is used."""

    def spawn(self, order: dict[str, Any]) -> Call:
        """Call it, without waiting for the answer."""


@dataclass(frozen=True)
class AtModal:
    """The far side: a function for each model, the entries that all containers share, and calls by their ids."""

    functions: Mapping[str, Function]
    marks: Marks
    find_call: Callable[[str], Call]


class ModalExecutor:
    """Accepts, watches and ends runs at Modal; keeps nothing itself, so that any container may answer for any run."""

    def __init__(self, far: AtModal, offer: Callable[[], ModelsAnswer]) -> None:
        self._far = far
        self._marks = far.marks
        self._offer = offer

    def start(self) -> None:
        """Nothing to take up: Modal's word is asked for each time."""

    def stop(self) -> None:
        """Nothing to end: runs go on without a gateway."""

    def models(self) -> ModelsAnswer:
        """What is deployed, with the GPU hours that are left."""
        return self._offer()

    def submit(self, request: RunRequest) -> tuple[RunAccepted, bool]:
        """Accept a run once; the first answer, and whether this call was the first."""
        with _reaching():
            accepted = RunAccepted(run_id=request.run_id, state="queued", call_id=f"modal-{uuid.uuid4().hex}")
            order = {"request": request.model_dump(mode="json"), "call_id": accepted.call_id, "at": time.time()}
            claim = {"answer": accepted.model_dump(), "fingerprint": fingerprint(request), "order": order}
            if self._marks.first("claim", request.run_id, claim):
                self._spawn(request.run_id, claim)
                return accepted, True
            claim = self._marks.get("claim", request.run_id)
            if claim is None:
                # Taken back a moment ago, for want of room.
                raise Full("there is no room at the compute provider now")
            if claim["fingerprint"] != fingerprint(request):
                raise OtherRequest
            if self._call_of(request.run_id) is None:
                self._spawn_if_forgotten(request.run_id, claim)
            return RunAccepted.model_validate(claim["answer"]), False

    def run(self, run_id: str) -> Run | None:
        """The run as it stands, none when it was never accepted."""
        with _reaching():
            claim = self._marks.get("claim", run_id)
            return None if claim is None else self._look(run_id, claim)

    def cancel(self, run_id: str) -> Run | None:
        """End the run, wait a moment for that, and say how it stands; one that has ended stays as it ended."""
        run = self.run(run_id)
        if run is None or run.state not in ("queued", "running"):
            return run
        with _reaching():
            self._marks.put("cancel", run_id, time.time())
            for call_id in self._calls_of(run_id):
                try:
                    self._far.find_call(call_id).cancel()
                except at_modal.NotFoundError:
                    continue
        give_up_at = time.monotonic() + _CANCEL_WAIT_S
        while (run := self.run(run_id)) and run.state in ("queued", "running") and time.monotonic() < give_up_at:
            time.sleep(_LOOK_EVERY_S)
        return run

    def _spawn(self, run_id: str, claim: dict[str, Any]) -> None:
        try:
            call = self._far.functions[claim["order"]["request"]["model"]].spawn(claim["order"])
        except at_modal.ResourceExhaustedError:
            # A refusal in so many words, so that nothing is under way: the next asker may be the first.
            self._marks.remove("claim", run_id)
            raise Full("Modal quota exceeded: there is no room at the compute provider now") from None
        except at_modal.NotFoundError:
            self._marks.remove("claim", run_id)
            raise Unreachable("the model's function is not deployed at the compute provider") from None
        # When another call was noted first, both may start, and one of them will leave at once.
        self._marks.first("spawned", run_id, call.object_id)

    def _spawn_if_forgotten(self, run_id: str, claim: dict[str, Any]) -> None:
        if time.time() > claim["order"]["at"] + SPAWN_AGAIN_S and not self._marks.get("cancel", run_id):
            self._spawn(run_id, claim)

    def _calls_of(self, run_id: str) -> list[str]:
        """The call that does the run, or the one that was made for it."""
        started, spawned = self._marks.get("started", run_id), self._marks.get("spawned", run_id)
        return list(dict.fromkeys(call for call in (started and started["call"], spawned) if call))

    def _call_of(self, run_id: str) -> str | None:
        return next(iter(self._calls_of(run_id)), None)

    def _look(self, run_id: str, claim: dict[str, Any]) -> Run:
        if ended := self._marks.get("ended", run_id):
            if time.time() > ended["at"] + KEPT_S:
                return _without_result(claim, "expired")
            return Run.model_validate(ended["run"])
        call_id = self._call_of(run_id)
        if call_id is None:
            if self._marks.get("cancel", run_id):
                return self._failed(run_id, claim, cancelled_on_request())
            self._spawn_if_forgotten(run_id, claim)
            return self._going(run_id, claim)
        try:
            answer = self._far.find_call(call_id).get(timeout=0)
        except TimeoutError:
            return self._going(run_id, claim)
        except at_modal.OutputExpiredError:
            return _without_result(claim, "expired")
        except at_modal.NotFoundError:
            if time.time() > claim["order"]["at"] + KEPT_S:
                return _without_result(claim, "expired")
            return self._failed(run_id, claim, Failure("transient", "lost", "the compute provider has lost the run"))
        except _UNREACHABLE:
            raise
        except (Exception, at_modal.InputCancellation) as error:  # noqa: BLE001 - all of them are ends of the call
            return self._failed(run_id, claim, self._why(run_id, error))
        if "taken_by" in answer:
            return self._look(run_id, claim) if answer["taken_by"] != call_id else self._going(run_id, claim)
        return Run.model_validate(answer["run"])

    def _why(self, run_id: str, error: BaseException) -> Failure:
        """Words for a call that ended without an answer."""
        if self._marks.get("cancel", run_id):
            return cancelled_on_request()
        # What was cancelled while it ran ends without a word.
        wordless = isinstance(error, at_modal.RemoteError) and not str(error).strip()
        if wordless or isinstance(error, at_modal.InputCancellation) or "cancel" in str(error).lower():
            return Failure("transient", CANCELLED, "the run was cancelled at the compute provider")
        if isinstance(error, at_modal.FunctionTimeoutError):
            return system_failure("deadline", "the run took longer than the compute provider lets it run")
        if isinstance(error, at_modal.InternalFailure):
            return Failure("transient", "lost", "the compute provider failed while the run was going on")
        size = (self._marks.get("progress", run_id) or {}).get("size", "")
        if known := of_text(str(error), size):
            return known
        return system_failure("crashed", f"the run's container ended without a result: {str(error)[:300]}")

    def _going(self, run_id: str, claim: dict[str, Any]) -> Run:
        started = self._marks.get("started", run_id)
        if started is None:
            return _without_result(claim, "queued")
        said = self._marks.get("progress", run_id)
        timings = Timings(queued_s=_queued_s(claim, started), run_s=None)
        return _without_result(claim, "running", progress=_progress(said or {}), timings=timings)

    def _failed(self, run_id: str, claim: dict[str, Any], why: Failure) -> Run:
        started = self._marks.get("started", run_id)
        said = self._marks.get("progress", run_id) or {}
        error = why.told(said.get("log_tail", ""))
        state: State = "cancelled" if why.code == CANCELLED else "failed"
        timings = Timings(queued_s=_queued_s(claim, started) if started else None, run_s=None)
        return _without_result(claim, state, progress=_progress(said), error=error, timings=timings)


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except _UNREACHABLE as error:
        raise Unreachable(f"the compute provider does not answer: {type(error).__name__}") from error


def _without_result(claim: dict[str, Any], state: State, **parts: Any) -> Run:  # noqa: ANN401 - checked by the shape
    parts.setdefault("timings", Timings(queued_s=None, run_s=None))
    answer = RunAccepted.model_validate(claim["answer"])
    return Run(run_id=answer.run_id, state=state, call_id=answer.call_id, **parts)


def _progress(said: dict[str, Any]) -> Progress | None:
    return Progress.model_validate(said["progress"]) if said.get("progress") else None


def _queued_s(claim: dict[str, Any], started: dict[str, Any]) -> float:
    return round(max(0.0, started["at"] - claim["order"]["at"]), 3)
