"""A server for alignments that speaks ColabFold's protocol: tickets, states, and answers as archives."""

from __future__ import annotations

import http.server
import io
import json
import tarfile
import threading
import urllib.parse
from typing import Any


class MsaServer:
    """Answers each ticket with the states of `states`, then `COMPLETE`; `says` is told instead to new questions."""

    def __init__(self) -> None:
        self.states: list[str] = []
        self.says: str | None = None
        self.status = 200
        self.retry_after = ""
        self.questions: list[tuple[str, dict[str, str]]] = []
        self.wrong_sequence = False
        self._sequences: dict[str, list[str]] = {}
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> MsaServer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _ask(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        self.questions.append((path, form))
        if self.says is not None:
            return {"status": self.says}
        ticket = f"{path.rpartition('/')[2]}-{len(self.questions)}"
        self._sequences[ticket] = [line for line in form["q"].splitlines() if not line.startswith(">")]
        return {"id": ticket, "status": self.states.pop(0) if self.states else "COMPLETE"}

    def _archive(self, ticket: str) -> bytes:
        sequences = self._sequences[ticket]
        if self.wrong_sequence:
            sequences = [sequence[::-1] for sequence in sequences]
        parts = [f">{101 + index}\n{sequence}\n" for index, sequence in enumerate(sequences)]
        if ticket.startswith("pair"):
            files = {"pair.a3m": "\0".join(part + f">pair\n{part.splitlines()[1][:-1]}-\n" for part in parts)}
        else:
            hits = [part + f">hit\tof uniref\n-{part.splitlines()[1][1:]}\n" for part in parts]
            env = [part + f">env\n{part.splitlines()[1][:-2]}aa--\n" for part in parts]
            files = {"uniref.a3m": "\0".join(hits), "bfd.mgnify30.metaeuk30.smag30.a3m": "\0".join(env)}
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for name, text in {**files, "msa.sh": "echo"}.items():
                info = tarfile.TarInfo(name)
                info.size = len(text.encode())
                archive.addfile(info, io.BytesIO(text.encode()))
        return packed.getvalue()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        side = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {key: values[0] for key, values in urllib.parse.parse_qs(body).items()}
                self._answer(json.dumps(side._ask(self.path, form)).encode())

            def do_GET(self) -> None:
                ticket = self.path.rpartition("/")[2]
                if "/result/download/" in self.path:
                    self._answer(side._archive(ticket))
                else:
                    state = side.states.pop(0) if side.states else "COMPLETE"
                    self._answer(json.dumps({"id": ticket, "status": state}).encode())

            def _answer(self, content: bytes) -> None:
                self.send_response(side.status)
                self.send_header("Content-Length", str(len(content)))
                if side.retry_after:
                    self.send_header("Retry-After", side.retry_after)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        return Handler
