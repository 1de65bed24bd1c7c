"""The two real programs around a test: the gateway under test, and an HTTP server in the hub's place."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

from omtx_worker import processes

SECRET = "a secret of the tests"  # noqa: S105 - not one that protects anything
PACKAGE_FOLDER = Path(__file__).parent.parent
FAR_MODAL = Path(__file__).parent / "modal_far_side.py"
GOLDEN = Path(__file__).parent / "golden"
ENDS = ("succeeded", "failed", "cancelled", "expired")
OUTPUTS = ("poses.sdf", "poses.pdbqt", "receptor.pdbqt", "ligand.pdbqt", "metrics.json", "log.txt", "extra.zip")

IMATINIB = "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1"
SLOW = {"exhaustiveness": 32, "seed": 1, "poses": 9}
"""With imatinib: many minutes, so that there is time to interfere."""

FAST = {"exhaustiveness": 1, "seed": 1, "poses": 2}

_T = TypeVar("_T")


def golden(name: str) -> Any:  # noqa: ANN401 - any JSON
    """A golden file's content."""
    return json.loads((GOLDEN / f"{name}.json").read_text())


def reference_data_folder() -> Path | None:
    """The folder of real data, none where it is not."""
    value = os.environ.get("OMTX_REFERENCE_DATA")
    return Path(value) if value else None


def eventually(look: Callable[[], _T], what: str, timeout_s: float = 60.0) -> _T:
    """Look again and again until there is something, and fail when there never is."""
    give_up_at = time.monotonic() + timeout_s
    while time.monotonic() < give_up_at:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {timeout_s:g} s: {what}")


class Gateway:
    """A gateway in a process of its own; can be killed and started again on the same state."""

    def __init__(
        self,
        folder: Path,
        slots: int,
        queue: int,
        executor: str = "local",
        environment: dict[str, str] | None = None,
    ) -> None:
        self._program = {"local": ["-m", "omtx_worker.gateway"], "modal": [str(FAR_MODAL)]}[executor]
        self._environment = environment or {}
        self._folder = folder
        self.state = folder / "state"
        self._log = folder / "gateway.log"
        self._slots, self._queue = slots, queue
        self.authorization = {"Authorization": f"Bearer {SECRET}"}
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{self._port}", headers=self.authorization, timeout=120)

    def __enter__(self) -> Gateway:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)
        # Those at Modal stand where temporary files do.
        for started in (self.started(run) for run in self._folder.glob("**/runs/*/started.json")):
            processes.signal_session(started["pid"], started["ticks"], signal.SIGKILL)

    def start(self) -> None:
        """Start and wait until it answers."""
        command = [sys.executable, *self._program, "--port", str(self._port)]
        command += ["--state-dir", str(self.state), "--slots", str(self._slots), "--queue", str(self._queue)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=PACKAGE_FOLDER,
                env=os.environ
                | {"GATEWAY_SECRET": SECRET, "PYTHONPATH": str(PACKAGE_FOLDER), "TMPDIR": str(self._folder)}
                | self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        eventually(self.is_up, "the gateway answers")

    def is_up(self) -> bool:
        """Whether it answers."""
        with contextlib.suppress(httpx.TransportError):
            return self._http.get("/v1/healthz").is_success
        return False

    def pid(self) -> int:
        """The gateway's own process."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL, which no program can prepare for."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def terminate(self) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(timeout=20)

    def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:  # noqa: ANN401
        """Any request, with the secret unless other headers are given."""
        return self._http.request(method, path, **arguments)

    def submit(self, request: dict[str, Any]) -> dict[str, Any]:
        """Submit a run that must be accepted."""
        answer = self.request("POST", "/v1/runs", json=request)
        assert answer.status_code == 202, answer.text
        return answer.json()

    def run(self, run_id: str) -> dict[str, Any]:
        """The run as it stands."""
        answer = self.request("GET", f"/v1/runs/{run_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait(self, run_id: str, timeout_s: float = 120.0) -> dict[str, Any]:
        """The run when it has ended."""
        return eventually(
            lambda: run if (run := self.run(run_id))["state"] in ENDS else None, f"{run_id} ends", timeout_s
        )

    def wait_for_stage(self, run_id: str, stage: str) -> dict[str, Any]:
        """The run when it has come to that stage."""

        def look() -> dict[str, Any] | None:
            run = self.run(run_id)
            assert run["state"] not in ENDS, run
            return run if (run["progress"] or {}).get("stage") == stage else None

        return eventually(look, f"{run_id} comes to {stage}")

    def processes_of(self, run_id: str) -> list[int]:
        """Every living process of the run's session."""
        leader = self.started(self.state / "runs" / run_id.replace(":", ".") / "started.json")["pid"]
        listed = subprocess.run(["ps", "-o", "pid=,stat=", "-s", str(leader)], capture_output=True, check=False)  # noqa: S607
        rows = [line.split() for line in listed.stdout.decode().splitlines()]
        return [int(pid) for pid, state in rows if not state.startswith("Z")]

    def vinas(self) -> list[int]:
        """Living Vinas whose work folder is under this gateway's."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                is_vina = entry.name.isdigit() and "vina_linux" in (entry / "cmdline").read_text()
                if is_vina and (entry / "cwd").readlink().is_relative_to(self._folder):
                    found.append(int(entry.name))
        return found

    @staticmethod
    def started(path: Path) -> dict[str, Any]:
        """Process id and start of a run."""
        return json.loads(path.read_text())


class FarSide:
    """Takes create-only PUTs and callbacks, serves inputs, and fails as it is told to.

    `failures_left` PUTs are answered 503, and all of them once `refuse_after` files are there.
    """

    def __init__(self) -> None:
        self.uploads: dict[str, bytes] = {}
        self.puts: list[str] = []
        self.headers: dict[str, list[tuple[str, str]]] = {}
        self.inputs: dict[str, bytes] = {}
        self.callbacks: list[tuple[dict[str, str], bytes]] = []
        self.failures_left = 0
        self.refuse_after: int | None = None
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> FarSide:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def request(
        self,
        run_id: str,
        smiles: str = "CCO",
        target: dict[str, Any] | None = None,
        parameters: dict[str, Any] | None = None,
        inputs: dict[str, bytes] | None = None,
        **changes: Any,  # noqa: ANN401
    ) -> dict[str, Any]:
        """A request for a docking run whose files go through here."""
        for name, content in (inputs or {}).items():
            self.inputs[f"/inputs/{run_id}/{name}"] = content
        request = {
            "run_id": run_id,
            "model": "vina",
            "task": "docking",
            "input": {"target": target or {"named": "ABL1"}, "ligand": {"name": "a ligand", "smiles": smiles}},
            "parameters": parameters or FAST,
            "inputs": [{"name": name, "url": f"{self.url}/inputs/{run_id}/{name}"} for name in inputs or {}],
            "outputs": [{"name": name, "put_url": f"{self.url}/files/{run_id}/{name}?signature=1"} for name in OUTPUTS],
            "deadline_s": 600,
            "callback": f"{self.url}/callback",
        }
        return request | changes

    def file(self, run_id: str, name: str) -> bytes:
        """What was uploaded under that name."""
        return self.uploads[f"/files/{run_id}/{name}"]

    def callbacks_of(self, run_id: str) -> list[dict[str, Any]]:
        """Bodies of the callbacks of one run, in their order."""
        bodies = [json.loads(body) for _, body in self.callbacks]
        return [body for body in bodies if body["run_id"] == run_id]

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        side = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                content = self._body()
                path = self.path.partition("?")[0]
                side.puts.append(path)
                side.headers[path] = [(name.lower(), value) for name, value in self.headers.items()]
                if side.failures_left:
                    side.failures_left -= 1
                    self._answer(503)
                elif side.refuse_after is not None and len(side.uploads) >= side.refuse_after:
                    self._answer(503)
                elif path in side.uploads:
                    self._answer(412)
                else:
                    side.uploads[path] = content
                    self._answer(201)

            def do_POST(self) -> None:
                side.callbacks.append((dict(self.headers.items()), self._body()))
                self._answer(204)

            def do_GET(self) -> None:
                content = side.inputs.get(self.path)
                self._answer(404 if content is None else 200, content or b"")

            def _body(self) -> bytes:
                return self.rfile.read(int(self.headers["Content-Length"]))

            def _answer(self, status: int, content: bytes = b"") -> None:
                self.send_response(status)
                if status != 204:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        return Handler


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
