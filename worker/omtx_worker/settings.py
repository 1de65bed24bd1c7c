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


@dataclass(frozen=True)
class ModalSettings:
    """What the gateway at Modal knows of its models: runs at once, GPU hours a month, and why one takes none now."""

    slots: dict[str, int]
    gpu_hours: dict[str, float]
    maintenance: dict[str, str]


def of_modal(models: list[str]) -> dict[str, str]:
    """The variables that `at_modal` reads, as far as they are set: given to the gateway's containers at deployment."""
    names = [f"{kind}_{model.upper()}" for kind in ("SLOTS", "GPU_HOURS", "MAINTENANCE") for model in models]
    return {name: os.environ[name] for name in names if os.environ.get(name)}


def at_modal(models: list[str]) -> ModalSettings:
    """Settings of the models from `SLOTS_{MODEL}` (10), `GPU_HOURS_{MODEL}` (no limit) and `MAINTENANCE_{MODEL}`."""
    given = of_modal(models)
    names = {model: model.upper() for model in models}
    return ModalSettings(
        slots={model: int(given.get(f"SLOTS_{name}", "10")) for model, name in names.items()},
        gpu_hours={
            model: float(given[f"GPU_HOURS_{name}"]) for model, name in names.items() if f"GPU_HOURS_{name}" in given
        },
        maintenance={
            model: given[f"MAINTENANCE_{name}"] for model, name in names.items() if f"MAINTENANCE_{name}" in given
        },
    )


@dataclass(frozen=True)
class Programs:
    """Where the models' own programs are, and RFantibody's framework structures.

    RF2 alone looks for its weights in a place of its own, unless they are named.
    """

    boltz: str
    chai: str
    rfdiffusion: str
    proteinmpnn: str
    rf2: str
    rf2_weights: Path | None
    frameworks: Path


def programs() -> Programs:
    """The programs as the environment names them; else they are looked for on the path."""
    named = os.environ.get
    folder, weights = named("RFANTIBODY_BIN", ""), named("RFANTIBODY_WEIGHTS", "")
    rfdiffusion, proteinmpnn, rf2 = (
        str(Path(folder) / name) if folder else name for name in ("rfdiffusion", "proteinmpnn", "rf2")
    )
    return Programs(
        boltz=named("BOLTZ_COMMAND", "boltz"),
        chai=named("CHAI_COMMAND", "chai-lab"),
        rfdiffusion=rfdiffusion,
        proteinmpnn=proteinmpnn,
        rf2=rf2,
        rf2_weights=Path(weights) / "RF2_ab.pt" if weights else None,
        frameworks=Path(named("RFANTIBODY_FRAMEWORKS", "frameworks")),
    )


@dataclass(frozen=True)
class MsaSettings:
    """Where alignments come from and where they are kept; without a server they must be uploaded.

    Runs wait `wait_s` for an alignment that another one is computing, and for a server that is busy.
    """

    server_url: str | None
    cache_dir: Path | None
    wait_s: float


def msa() -> MsaSettings:
    """`MSA_SERVER_URL` (an address that speaks ColabFold's protocol), `MSA_CACHE_DIR` and `MSA_WAIT_S` (600)."""
    cache = os.environ.get("MSA_CACHE_DIR")
    url = (os.environ.get("MSA_SERVER_URL") or "").rstrip("/") or None
    return MsaSettings(url, Path(cache) if cache else None, float(os.environ.get("MSA_WAIT_S", "600")))


_OF_MODELS = (
    "BOLTZ_COMMAND", "CHAI_COMMAND", "RFANTIBODY_BIN", "RFANTIBODY_WEIGHTS", "RFANTIBODY_FRAMEWORKS",
    "MSA_SERVER_URL", "MSA_CACHE_DIR", "MSA_WAIT_S",
    "BOLTZ_CACHE", "CHAI_DOWNLOADS_DIR", "HF_HOME", "HOME", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES",
)  # fmt: skip


def environment_of_run(secret: str) -> dict[str, str]:
    """The environment of a run: the secret for its callbacks, what its model needs, little else."""
    of_models = {name: os.environ[name] for name in _OF_MODELS if name in os.environ}
    return {"GATEWAY_SECRET": secret, "PYTHONUNBUFFERED": "1"} | of_models | environment_of_tool()


def environment_of_model() -> dict[str, str]:
    """The environment of a model's program on a GPU: its weights, its GPU, no secret, as many threads as it likes."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LD_LIBRARY_PATH", *_OF_MODELS) if name in os.environ}
    return kept | {"LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1"}


def environment_of_rfantibody() -> dict[str, str]:
    """The same for RFantibody's programs, which start the first `python` of the path: it must be theirs."""
    kept = environment_of_model()
    folder = os.environ.get("RFANTIBODY_BIN")
    return kept | {"PATH": os.pathsep.join([folder, kept.get("PATH", os.defpath)])} if folder else kept


def environment_of_tool() -> dict[str, str]:
    """The environment of an executable such as Vina or Open Babel: no secret, one thread."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
