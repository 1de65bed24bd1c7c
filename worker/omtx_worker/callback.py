"""Signed calls to the hub. They only save the hub a poll: a call that fails is logged and forgotten."""

from __future__ import annotations

import hashlib
import hmac
import logging
import time

import httpx

from omtx_worker.protocol import Run

TIMESTAMP_HEADER = "X-OMTX-Timestamp"
SIGNATURE_HEADER = "X-OMTX-Signature"

_LOG = logging.getLogger(__name__)
_TIMEOUT_S = 5.0
_PAUSES_S = (0.2, 0.5)
"""Before the second and the third try."""


def signature(secret: str, timestamp: str, run_id: str, body: bytes) -> str:
    """Hex HMAC-SHA256 over time, run id and body; `timestamp` is in unix seconds."""
    return hmac.new(secret.encode(), f"{timestamp}.{run_id}.".encode() + body, hashlib.sha256).hexdigest()


def call_back(url: str, secret: str, run: Run) -> bool:
    """Send the run as it stands; whether the hub took it."""
    body = run.model_dump_json().encode()
    reason: object = None
    for pause_s in (*_PAUSES_S, None):
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            TIMESTAMP_HEADER: timestamp,
            SIGNATURE_HEADER: signature(secret, timestamp, run.run_id, body),
        }
        try:
            answer = httpx.post(url, content=body, headers=headers, timeout=_TIMEOUT_S)
            if answer.is_success:
                return True
            reason = f"status {answer.status_code}"
            if answer.is_client_error:
                break
        except httpx.HTTPError as error:
            reason = repr(error)
        if pause_s is not None:
            time.sleep(pause_s)
    _LOG.warning("callback for %s failed: %s", run.run_id, reason)
    return False
