"""Every setting of the worker, read here and nowhere else."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """What the gateway was started with.

    `slots` runs go at the same time, `queue` more may wait. `secret` is both the bearer token of the hub's requests
    and the key that signs callbacks.
    """

    secret: str
    state_dir: Path
    host: str
    port: int
    slots: int
    queue: int


def from_command_line(arguments: list[str] | None = None) -> Settings:
    """Settings of the gateway from its arguments and `GATEWAY_SECRET`; ends the program with a message when wrong."""
    parser = argparse.ArgumentParser(prog="omtx_worker.gateway", description="The gateway of OMTX-Hub on one machine.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state-dir", type=Path, required=True, help="where runs and their files are kept")
    parser.add_argument("--slots", type=int, default=len(os.sched_getaffinity(0)), help="runs at the same time")
    parser.add_argument("--queue", type=int, default=None, help="runs that may wait (four per slot)")
    given = parser.parse_args(arguments)
    if given.slots < 1:
        parser.error("--slots must be at least 1")
    if given.queue is not None and given.queue < 0:
        parser.error("--queue must not be negative")
    try:
        gateway_secret = secret()
    except ValueError as error:
        parser.error(str(error))
    queue = given.slots * 4 if given.queue is None else given.queue
    return Settings(gateway_secret, given.state_dir.absolute(), given.host, given.port, given.slots, queue)


def secret() -> str:
    """The shared secret from `GATEWAY_SECRET`."""
    value = os.environ.get("GATEWAY_SECRET", "")
    if not value:
        raise ValueError("GATEWAY_SECRET is not set")
    return value


def environment_of_run(secret: str) -> dict[str, str]:
    """The environment of a run: the secret for its callbacks, one thread for every numerical library, little else."""
    return {"GATEWAY_SECRET": secret, "PYTHONUNBUFFERED": "1"} | environment_of_tool()


def environment_of_tool() -> dict[str, str]:
    """The environment of an executable such as Vina or Open Babel: no secret, one thread."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
