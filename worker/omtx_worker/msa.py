"""Alignments (MSA) from a server that speaks ColabFold's protocol, computed once for a sequence and kept by its hash.

Processes of one machine that want the same alignment wait for the first of them.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import logging
import tarfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from omtx_worker import __version__
from omtx_worker.failure import Failure, system_failure, user_failure
from omtx_worker.results import Reports
from omtx_worker.settings import MsaSettings

MAX_BYTES = 512 * 1024 * 1024
"""Largest answer of the server that is read, unpacked."""

_LOG = logging.getLogger(__name__)
_FIRST_QUERY = 101
_UNPAIRED_FILES = ("uniref.a3m", "bfd.mgnify30.metaeuk30.smag30.a3m")
_PAIRED_FILE = "pair.a3m"
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_HEADERS = {"User-Agent": f"omtx-worker/{__version__}"}
_RETRY_AFTER = "Retry-After"
_TRIES = 5
_PAUSE_S = (1.0, 20.0)
"""Between questions to the server: the first, and the longest, which it grows to."""


def key_of(sequences: Sequence[str]) -> str:
    """What the alignment of one sequence, or the paired one of several, is kept under."""
    return hashlib.sha256(":".join(sequences).encode()).hexdigest()


def kept_at(folder: Path, key: str) -> Path:
    """Where the alignment of a key is kept."""
    return folder / key[:2] / f"{key}.a3m"


def unpaired(sequence: str, settings: MsaSettings, work: Path, reports: Reports) -> str:
    """The alignment of one sequence, as A3M; its first row is the sequence."""
    return _once((sequence,), settings, work, reports)


def paired(sequences: Sequence[str], settings: MsaSettings, work: Path, reports: Reports) -> list[str]:
    """The rows of each sequence that belong together, as A3M, in the order of the sequences, all equally long."""
    return _once(tuple(sequences), settings, work, reports).split("\0")


def _once(sequences: tuple[str, ...], settings: MsaSettings, work: Path, reports: Reports) -> str:
    folder = settings.cache_dir or work / "alignments"
    path = kept_at(folder, key_of(sequences))
    if path.exists():
        return path.read_text()
    if settings.server_url is None:
        raise user_failure("no_msa", "there is no server for alignments here: upload one (A3M) with the sequence")
    path.parent.mkdir(parents=True, exist_ok=True)
    give_up_at = time.monotonic() + settings.wait_s
    reports.stage("waiting for the alignment")
    with _turn(path.with_suffix(".lock"), give_up_at):
        if not path.exists():
            reports.stage("computing the alignment")
            text = _Server(settings.server_url, give_up_at).align(sequences)
            new = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
            new.write_text(text)
            new.replace(path)
    return path.read_text()


@contextmanager
def _turn(path: Path, give_up_at: float) -> Iterator[None]:
    """The one of this machine that computes; the kernel frees the lock of one that dies."""
    with path.open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > give_up_at:
                    raise waiting_for_another() from None
            time.sleep(0.2)
        yield


def waiting_for_another() -> Failure:
    """Another run computes the same alignment and is not through yet."""
    return Failure("quota", "msa_waiting", "waiting for the alignment of the target, which another run is computing")


class _Server:
    """One question to the server, from the ticket to its answer."""

    def __init__(self, url: str, give_up_at: float) -> None:
        self._url = url
        self._give_up_at = give_up_at

    def align(self, sequences: tuple[str, ...]) -> str:
        several = len(sequences) > 1
        query = "".join(f">{_FIRST_QUERY + index}\n{sequence}\n" for index, sequence in enumerate(sequences))
        form = {"q": query, "mode": "pairgreedy-env" if several else "env"}
        ticket = self._finished("ticket/pair" if several else "ticket/msa", form)
        packed = self._ask("GET", f"result/download/{ticket}").content
        names = (_PAIRED_FILE,) if several else _UNPAIRED_FILES
        by_query = _rows_by_query(_members(packed, names))
        texts = [by_query.get(_FIRST_QUERY + index, "") for index in range(len(sequences))]
        for sequence, text in zip(sequences, texts, strict=True):
            if first_row(text) != sequence:
                raise system_failure("msa_failed", "the server for alignments answered with those of another sequence")
        return "\0".join(texts)

    def _finished(self, path: str, form: dict[str, str]) -> str:
        """The ticket of a question that is answered; patient with a server that is busy."""
        said = self._json("POST", path, form)
        pause_s, longest_s = _PAUSE_S
        while True:
            status = said.get("status", "ERROR")
            if status == "COMPLETE":
                return str(said["id"])
            if status == "MAINTENANCE":
                message = "waiting for the alignment: the server for alignments is in maintenance"
                raise Failure("quota", "msa_maintenance", message)
            if status not in ("PENDING", "RUNNING", "UNKNOWN", "RATELIMIT"):
                message = "the server for alignments could not align the sequence; it may be worth another try later"
                raise system_failure("msa_failed", message)
            asked_for_s = said.get(_RETRY_AFTER)
            if time.monotonic() + max(pause_s, asked_for_s or 0) > self._give_up_at:
                busy = status == "RATELIMIT"
                message = "waiting for the alignment: the server for alignments is busy"
                code = "msa_rate_limited" if busy else "msa_waiting"
                raise Failure("quota", code, message, retry_after_s=asked_for_s)
            time.sleep(max(pause_s, asked_for_s or 0))
            pause_s = min(longest_s, pause_s * 1.5)
            asked_anew = status in ("RATELIMIT", "UNKNOWN") or "id" not in said
            said = self._json("POST", path, form) if asked_anew else self._json("GET", f"ticket/{said['id']}")

    def _json(self, method: str, path: str, form: dict[str, str] | None = None) -> dict[str, Any]:
        answer = self._ask(method, path, form)
        if answer.status_code == 429:
            seconds = answer.headers.get(_RETRY_AFTER, "")
            return {"status": "RATELIMIT", _RETRY_AFTER: int(seconds) if seconds.isdecimal() else None}
        try:
            said = answer.json()
        except ValueError:
            return {"status": "ERROR"}
        return said if isinstance(said, dict) else {"status": "ERROR"}

    def _ask(self, method: str, path: str, form: dict[str, str] | None = None) -> httpx.Response:
        pause_s = _PAUSE_S[0]
        for left in reversed(range(_TRIES)):
            try:
                answer = httpx.request(method, f"{self._url}/{path}", data=form, headers=_HEADERS, timeout=_TIMEOUT)
                if answer.status_code < 500:
                    return answer
                reason = f"status {answer.status_code}"
            except httpx.HTTPError as error:
                reason = repr(error)
            _LOG.info("the server for alignments: %s", reason)
            if left:
                time.sleep(pause_s)
                pause_s *= 2
        raise Failure("transient", "msa_unreachable", "the server for alignments does not answer")


def first_row(a3m: str) -> str:
    """The first sequence of an A3M, without gaps and insertions."""
    rows: list[str] = []
    for line in a3m.splitlines():
        if line.startswith(">"):
            if rows:
                break
        elif not line.startswith("#"):
            rows.append(line.strip())
    return "".join(letter for letter in "".join(rows) if letter.isupper())


def _members(packed: bytes, names: tuple[str, ...]) -> str:
    """The files of these names, one after the other; nothing is written to the disk."""
    texts: dict[str, str] = {}
    left = MAX_BYTES
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
            for member in archive:
                name = Path(member.name).name
                if not member.isfile() or name not in names:
                    continue
                left -= member.size
                content = archive.extractfile(member)
                if left < 0 or content is None:
                    raise system_failure("msa_failed", "the server for alignments sent more than can be read")
                texts[name] = content.read().decode("utf-8", "replace")
    except tarfile.TarError as error:
        raise system_failure("msa_failed", "the server for alignments sent what is no archive") from error
    return "\0".join(texts[name] for name in names if name in texts)


def _rows_by_query(text: str) -> dict[int, str]:
    """The rows of each query; a part begins with its query's number, and the query is kept once."""
    by_query: dict[int, str] = {}
    for part in text.split("\0"):
        part = part.lstrip("\n")
        header, _, _ = part.partition("\n")
        if not header.startswith(">") or not header[1:].split("\t")[0].strip().isdigit():
            continue
        query = int(header[1:].split("\t")[0].strip())
        if query in by_query:
            second = part.find("\n>")
            part = part[second + 1 :] if second >= 0 else ""
        by_query[query] = by_query.get(query, "") + (part if part.endswith("\n") or not part else part + "\n")
    return by_query
