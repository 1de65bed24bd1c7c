"""Input files in, result files out, over HTTP, patiently: the other end may be restarting."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from omtx_worker.failure import Failure, system_failure
from omtx_worker.protocol import InputFile, OutputFile

MAX_INPUT_BYTES = 64 * 1024 * 1024

_LOG = logging.getLogger(__name__)
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_ALREADY_THERE = (409, 412)
_TO_TRY_AGAIN = (408, 425, 429)


class _TryAgain(Exception):  # noqa: N818 - becomes a Failure when time is up
    """The other end could not be reached or failed; worth another try."""


def download(file: InputFile, path: Path, give_up_at: float) -> None:
    """Fetch an input; `give_up_at` is in seconds since 1970."""

    def fetch() -> None:
        with httpx.stream("GET", file.url, timeout=_TIMEOUT, follow_redirects=True) as answer:
            _check(answer.status_code, f"reading the input {file.name}", "input_unavailable")
            size = 0
            with path.open("wb") as target:
                for chunk in answer.iter_bytes():
                    size += len(chunk)
                    if size > MAX_INPUT_BYTES:
                        raise Failure("user", "input_too_large", f"the input {file.name} is larger than 64 MB")
                    target.write(chunk)

    _patiently(fetch, f"reading the input {file.name}", give_up_at)


def upload(path: Path, to: OutputFile, media_type: str, give_up_at: float) -> None:
    """Put a result at its create-only address; what is there already was put by this very run."""

    def put() -> None:
        headers = httpx.Headers({"Content-Type": media_type, "Content-Length": str(path.stat().st_size)})
        # An address may be signed with headers, which then must come as they are.
        headers.update(to.headers)
        with path.open("rb") as content:
            answer = httpx.put(to.put_url, content=content, headers=headers, timeout=_TIMEOUT)
        if answer.status_code in _ALREADY_THERE:
            _LOG.info("%s is there already", path.name)
            return
        _check(answer.status_code, f"uploading {path.name}", "upload_refused")

    _patiently(put, f"uploading {path.name}", give_up_at)


def _check(status: int, doing: str, code: str) -> None:
    if status >= 500 or status in _TO_TRY_AGAIN:
        raise _TryAgain(f"status {status}")
    if not 200 <= status < 300:
        raise system_failure(code, f"{doing} was refused with status {status}")


def _patiently(step: Callable[[], None], doing: str, give_up_at: float) -> None:
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            step()
            return
        except (httpx.TransportError, _TryAgain) as error:
            _LOG.info("%s failed (%s), trying again in %g s", doing, error, pause_s)
            if time.time() + pause_s > give_up_at:
                message = f"{doing} failed again and again until the time was up: {error}"
                raise Failure("transient", "transfer_failed", message) from error
        time.sleep(pause_s)
        pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)
