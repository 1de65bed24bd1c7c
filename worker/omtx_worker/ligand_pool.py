"""A few processes that describe ligands, so that no molecule can stop or end the gateway."""

from __future__ import annotations

import json
import logging
import os
import queue
import select
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from omtx_worker.protocol import LigandRow, Problem
from omtx_worker.settings import environment_of_tool

LIGAND_TIMEOUT_S = 10
"""What one ligand may take; most take a millisecond."""

REQUEST_TIMEOUT_S = 60.0
"""What is not described by then is answered as not checked: well under the 150 s that a request may take at Modal."""

_LOG = logging.getLogger(__name__)
_CHUNK = 250
_START_TIMEOUT_S = 60.0
_STILL_S = 2.0
"""How much longer than its ligand may take a process may stand still: it should have ended itself."""


class _Gone(Exception):  # noqa: N818 - caught right here
    """The process ended or did not answer in time."""


class _Describer:
    """One process, started when first needed and again after its end."""

    def __init__(self, ligand_timeout_s: int) -> None:
        self._ligand_timeout_s = ligand_timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""
        self.rdkit = ""

    def ask(self, question: dict[str, object]) -> None:
        """Ask about some ligands; the answers come one by one."""
        process = self._running()
        if process.stdin is None:
            raise _Gone
        try:
            process.stdin.write(json.dumps(question).encode() + b"\n")
            process.stdin.flush()
        except OSError as error:
            self.close()
            raise _Gone from error

    def answer(self) -> bytes:
        """The row of the next ligand, as JSON."""
        if self._process is None:
            raise _Gone
        return self._line(self._process, self._ligand_timeout_s + _STILL_S)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._buffer = b""
            self._process = subprocess.Popen(
                [sys.executable, "-m", "omtx_worker.ligand_process", str(self._ligand_timeout_s)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=Path(__file__).parent.parent,
                env=environment_of_tool(),
            )
            self.rdkit = json.loads(self._line(self._process, _START_TIMEOUT_S))["rdkit"]
        return self._process

    def _line(self, process: subprocess.Popen[bytes], timeout_s: float) -> bytes:
        if process.stdout is None:
            raise _Gone
        give_up_at = time.monotonic() + timeout_s
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([process.stdout], [], [], max(0.0, give_up_at - time.monotonic()))
            read = os.read(process.stdout.fileno(), 65_536) if ready else b""
            if not read:
                self.close()
                raise _Gone
            self._buffer += read
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line


class LigandPool:
    """Describes many ligands at once; `size` processes, shared by all requests."""

    def __init__(self, size: int, ligand_timeout_s: int = LIGAND_TIMEOUT_S) -> None:
        self._threads = ThreadPoolExecutor(max_workers=size, thread_name_prefix="ligands")
        self._free: queue.SimpleQueue[_Describer] = queue.SimpleQueue()
        self._all = [_Describer(ligand_timeout_s) for _ in range(size)]
        for describer in self._all:
            self._free.put(describer)

    def start(self) -> None:
        """Start every process now, so that the first request does not wait until RDKit is loaded."""
        for _ in self._all:
            self._threads.submit(self._chunk, "smiles", [(0, "C")], "docking", time.monotonic() + REQUEST_TIMEOUT_S)

    def describe(self, kind: str, texts: list[str], task: str) -> bytes:
        """A `LigandsAnswer` as JSON, one row per text, which is a SMILES or (kind `sdf`) one record of an SDF."""
        give_up_at = time.monotonic() + REQUEST_TIMEOUT_S
        numbered = list(enumerate(texts))
        chunks = [numbered[start : start + _CHUNK] for start in range(0, len(numbered), _CHUNK)]
        futures = [self._threads.submit(self._chunk, kind, chunk, task, give_up_at) for chunk in chunks]
        rows = b",".join(row for future in futures for row in future.result())
        # The rows are JSON already; to read and write ten thousand of them again would take as long as RDKit does.
        return b'{"rdkit":' + json.dumps(self._rdkit()).encode() + b',"rows":[' + rows + b"]}"

    def close(self) -> None:
        """End every process."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for describer in self._all:
            describer.close()

    def _chunk(self, kind: str, chunk: list[tuple[int, str]], task: str, give_up_at: float) -> list[bytes]:
        describer = self._free.get()
        try:
            rows: list[bytes] = []
            while len(rows) < len(chunk):
                rows += self._rows(describer, kind, chunk[len(rows) :], task, give_up_at)
            return rows
        finally:
            self._free.put(describer)

    def _rows(
        self, describer: _Describer, kind: str, chunk: list[tuple[int, str]], task: str, give_up_at: float
    ) -> list[bytes]:
        """The rows of a chunk, or those up to the ligand that its process did not survive."""
        rows: list[bytes] = []
        try:
            if time.monotonic() < give_up_at:
                describer.ask({"kind": kind, "task": task, "ligands": chunk})
            while len(rows) < len(chunk):
                if time.monotonic() > give_up_at:
                    describer.close()
                    message = "not checked: the ligands before it took too long"
                    return rows + [_unchecked(kind, *ligand, message) for ligand in chunk[len(rows) :]]
                rows.append(describer.answer())
        except _Gone:
            index, text = chunk[len(rows)]
            _LOG.warning("describing ligand %d took too long or ended its process", index)
            rows.append(_unchecked(kind, index, text, "RDKit could not deal with this molecule in time"))
        return rows

    def _rdkit(self) -> str:
        return next((describer.rdkit for describer in self._all if describer.rdkit), "")


def _unchecked(kind: str, index: int, text: str, message: str) -> bytes:
    problem = Problem(code="took_too_long", message=message)
    smiles = text if kind == "smiles" else None
    return LigandRow(index=index, name=None, smiles=smiles, problem=problem).model_dump_json().encode()
