"""Modal, as far as the gateway knows it: functions whose calls are queued, run, cancelled, lost and preempted.

Stands behind the same seam as Modal's own client and raises its exceptions. Calls run in threads of this process.
`python modal_far_side.py` serves the gateway of `modal_app` on top of it, for tests of the protocol.
"""

from __future__ import annotations

import copy
import ctypes
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import modal.exception as at_modal

from omtx_worker import modal_run, settings
from omtx_worker.gpu_hours import Ledger
from omtx_worker.modal_alignments import Turns
from omtx_worker.modal_executor import AtModal
from omtx_worker.modal_marks import Marks
from omtx_worker.modal_run import Container

MODELS = ["vina", "boltz2", "chai1", "rfantibody"]
Body = Callable[[dict[str, Any], str], Any]


class Entries:
    """A `modal.Dict`. `lost` is raised once after the next put was done, `down` instead of anything."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._lock = threading.Lock()
        self.lost: Exception | None = None
        self.down: Exception | None = None

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401
        """A copy, as from afar."""
        self._check()
        with self._lock:
            return copy.deepcopy(self._values.get(key, default))

    def put(self, key: str, value: Any, *, skip_if_exists: bool = False) -> bool:  # noqa: ANN401
        """Atomic, like the real one."""
        self._check()
        with self._lock:
            if skip_if_exists and key in self._values:
                return False
            self._values[key] = copy.deepcopy(value)
        if self.lost is not None:
            lost, self.lost = self.lost, None
            raise lost
        return True

    def pop(self, key: str, default: Any = None) -> Any:  # noqa: ANN401
        """Remove and return."""
        self._check()
        with self._lock:
            return self._values.pop(key, default)

    def all_keys(self) -> list[str]:
        """What is there."""
        with self._lock:
            return sorted(self._values)

    def _check(self) -> None:
        if self.down is not None:
            raise self.down


class Call:
    """A function call; once it has an end it keeps it."""

    def __init__(self, order: dict[str, Any], body: Body, slots: threading.Semaphore) -> None:
        self.object_id = f"fc-{uuid.uuid4().hex[:12]}"
        self.tries = 0
        self._order = copy.deepcopy(order)
        self._body = body
        self._slots = slots
        self._ended = threading.Event()
        self._result: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._again = False
        self.unreachable: Exception | None = None
        self._thread.start()

    def get(self, timeout: float | None = None) -> Any:  # noqa: ANN401
        """As `modal.FunctionCall.get`."""
        if self.unreachable is not None:
            raise self.unreachable
        if not self._ended.wait(timeout):
            raise TimeoutError
        if self._error is not None:
            raise self._error
        return copy.deepcopy(self._result)

    def cancel(self, terminate_containers: bool = False) -> None:  # noqa: ARG002 - as the real one
        """As `modal.FunctionCall.cancel`: nothing happens to a call that has ended."""
        if not self._ended.is_set():
            self._end(error=at_modal.RemoteError("" if self.tries else "Input was cancelled by user"))
            self._interrupt(at_modal.InputCancellation)

    def preempt(self) -> None:
        """The machine is taken away; the same call starts anew elsewhere."""
        self._again = True
        self._interrupt(KeyboardInterrupt)

    def fail(self, error: BaseException) -> None:
        """The container ends without an answer."""
        self._end(error=error)
        self._interrupt(SystemExit)

    def expire(self) -> None:
        """Seven days pass."""
        self._error = at_modal.OutputExpiredError()

    def _interrupt(self, kind: type[BaseException]) -> None:
        if self._thread.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread.ident), ctypes.py_object(kind))

    def _end(self, result: Any = None, error: BaseException | None = None) -> None:  # noqa: ANN401
        if not self._ended.is_set():
            self._result, self._error = copy.deepcopy(result), error
            self._ended.set()

    def _run(self) -> None:
        with self._slots:
            while not self._ended.is_set():
                self.tries += 1
                self._again = False
                try:
                    self._end(self._body(self._order, self.object_id))
                except BaseException as error:  # noqa: BLE001 - whatever ended it is its end
                    if not self._again:
                        self._end(error=error)


class Function:
    """A `modal.Function` with so many containers at most. `refused` is raised instead of a call, `lost` after it."""

    def __init__(self, far: FarModal, body: Body, containers: int) -> None:
        self._far = far
        self._body = body
        self._slots = threading.Semaphore(containers)
        self.refused: Exception | None = None
        self.lost: Exception | None = None

    def spawn(self, order: dict[str, Any]) -> Call:
        """As `modal.Function.spawn`."""
        if self.refused is not None:
            refused, self.refused = self.refused, None
            raise refused
        call = Call(order, self._body, self._slots)
        self._far.calls[call.object_id] = call
        if self.lost is not None:
            lost, self.lost = self.lost, None
            raise lost
        return call


class FarModal:
    """An account at Modal with one function for every model, all with the same body."""

    def __init__(self, folder: Path, secret: str, models: list[str], containers: int, body: Body | None = None) -> None:
        self.entries = Entries()
        self.calls: dict[str, Call] = {}
        self.folder = folder
        self._secret = secret
        self.commits = 0
        self.functions = {model: Function(self, body or self._do, containers) for model in models}

    def at_modal(self) -> AtModal:
        """What a gateway knows of it."""
        return AtModal(self.functions, Marks(self.entries), self.find_call)

    def find_call(self, call_id: str) -> Call:
        """As `modal.FunctionCall.from_id`, but that an unknown id is told at once."""
        if call_id not in self.calls:
            raise at_modal.NotFoundError(f"no call {call_id}")
        return self.calls[call_id]

    def ledger(self) -> Ledger:
        """Of GPU hours, on the volume."""
        return Ledger(self.folder / "usage", reload=lambda: None, commit=lambda: None)

    def container(self, call_id: str) -> Container:
        """What a run finds around it."""
        (self.folder / "kept").mkdir(parents=True, exist_ok=True)
        return Container(
            call_id=call_id,
            marks=Marks(self.entries),
            kept=self.folder / "kept",
            commit=self._commit,
            reload=lambda: None,
            secret=self._secret,
            ledger=self.ledger(),
            turns=Turns(call_id, Marks(self.entries), settings.msa(), reload=lambda: None, commit=self._commit),
        )

    def _commit(self) -> None:
        self.commits += 1

    def _do(self, order: dict[str, Any], call_id: str) -> dict[str, Any]:
        return modal_run.do(order, self.container(call_id))


def main() -> None:
    """Serve the gateway of Modal on this far side, with the arguments of the local one."""
    import uvicorn

    from omtx_worker.modal_app import gateway_on

    given = settings.from_command_line(sys.argv[1:])
    far = FarModal(given.state_dir / "modal", given.secret, MODELS, given.slots)
    app = gateway_on(given.secret, far.at_modal(), far.ledger())
    uvicorn.run(app, host=given.host, port=given.port, access_log=False, timeout_graceful_shutdown=2)


if __name__ == "__main__":
    main()
