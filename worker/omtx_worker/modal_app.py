"""The gateway at Modal: `modal deploy -m omtx_worker.modal_app`. Images, volumes, secrets, and a function per model.

Names no account: what differs between deployments is in the secret `omtx-gateway` (see the README).
"""

from __future__ import annotations

import logging
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import modal
from fastapi import FastAPI

from omtx_worker import modal_run, settings
from omtx_worker.gateway import create
from omtx_worker.gpu_hours import GpuHours, Ledger
from omtx_worker.modal_alignments import Turns
from omtx_worker.modal_executor import AtModal, ModalExecutor
from omtx_worker.modal_marks import Marks
from omtx_worker.modal_run import Container
from omtx_worker.models import BOLTZ_VERSION, CHAI_VERSION, GPU_MODELS, RFANTIBODY_COMMIT, remote_models
from omtx_worker.protocol import ModelsAnswer
from omtx_worker.run_folder import UPLOAD_GRACE_S

_HERE = Path(__file__).parent.parent
_STATE, _MSA, _WEIGHTS = Path("/state"), Path("/msa"), Path("/weights")
_GPU = {model.id: model for model in GPU_MODELS}
_MODELS = ["vina", *_GPU]
_GIVEN = settings.at_modal(_MODELS)
_PACKAGES_OF = "2025-12-31"
"""The models' own packages are those of this day, so that an image that is built anew is the same."""

_VINA_DEADLINE_S = 12 * 3_600
_LONGEST_S = 24 * 3_600
"""The longest that Modal lets a function run."""

app = modal.App("omtx-gateway")
secret = modal.Secret.from_name("omtx-gateway", required_keys=["GATEWAY_SECRET"])
entries = modal.Dict.from_name("omtx-runs", create_if_missing=True)
state = modal.Volume.from_name("omtx-state", create_if_missing=True, version=2)
alignments = modal.Volume.from_name("omtx-alignments", create_if_missing=True, version=2)
weights = modal.Volume.from_name("omtx-weights", create_if_missing=True, version=2)

# The worker has its own locked packages; each model lives in an environment beside them and is run as a program.
base = (
    modal.Image.debian_slim(python_version="3.12")
    .apt_install("git", "libgomp1", "libxrender1", "libxext6", "wget")
    .pip_install_from_requirements(str(_HERE / "requirements.lock"))
)


def _with_worker(image: modal.Image) -> modal.Image:
    return image.add_local_python_source("omtx_worker")


worker_image = _with_worker(base)
boltz_image = _with_worker(
    base.pip_install("uv==0.13.9")
    .run_commands(
        "uv venv --python 3.11 /opt/boltz",
        f"uv pip install --python /opt/boltz --exclude-newer {_PACKAGES_OF} 'boltz[cuda]=={BOLTZ_VERSION}'",
    )
    .env({"BOLTZ_COMMAND": "/opt/boltz/bin/boltz", "BOLTZ_CACHE": str(_WEIGHTS / "boltz2")})
)
chai_image = _with_worker(
    base.pip_install("uv==0.13.9")
    .run_commands(
        "uv venv --python 3.11 /opt/chai",
        f"uv pip install --python /opt/chai --exclude-newer {_PACKAGES_OF} 'chai_lab=={CHAI_VERSION}'",
    )
    .env({"CHAI_COMMAND": "/opt/chai/bin/chai-lab", "CHAI_DOWNLOADS_DIR": str(_WEIGHTS / "chai1")})
)
rfantibody_image = _with_worker(
    base.pip_install("uv==0.13.9")
    .run_commands(
        "git clone https://github.com/RosettaCommons/RFantibody.git /opt/RFantibody",
        f"cd /opt/RFantibody && git checkout {RFANTIBODY_COMMIT} && uv sync --frozen",
        f"ln -s {_WEIGHTS / 'rfantibody'} /opt/RFantibody/weights",
    )
    .env(
        {
            "RFANTIBODY_BIN": "/opt/RFantibody/.venv/bin",
            "RFANTIBODY_WEIGHTS": str(_WEIGHTS / "rfantibody"),
            "RFANTIBODY_FRAMEWORKS": "/opt/RFantibody/scripts/examples/example_inputs",
        }
    )
)


def gateway_on(gateway_secret: str, far: AtModal, ledger: Ledger) -> FastAPI:
    """The gateway's application on some far side: Modal, or what stands in its place in tests."""
    hours = GpuHours(_GIVEN.gpu_hours, ledger)

    def offer() -> ModelsAnswer:
        return remote_models(_GIVEN.slots, _GIVEN.maintenance, hours.left)

    return create(gateway_secret, ModalExecutor(far, offer))


_VOLUMES = {str(_STATE): state, str(_MSA): alignments, str(_WEIGHTS): weights}
_SHARED: dict[str, Any] = {
    "secrets": [secret],
    "volumes": _VOLUMES,
    "retries": 0,
    "env": {"MSA_CACHE_DIR": str(_MSA), "MSA_WAIT_S": "300"},
}


def _timeout_s(deadline_s: int) -> int:
    """A run ends itself at its deadline and may upload for a while; Modal's own end comes after both."""
    return min(_LONGEST_S, deadline_s + UPLOAD_GRACE_S + 600)


@app.function(
    image=worker_image,
    cpu=1.0,
    memory=2_048,
    timeout=_timeout_s(_VINA_DEADLINE_S),
    max_containers=_GIVEN.slots["vina"],
    **_SHARED,
)
def vina(order: dict[str, Any]) -> dict[str, Any]:
    """One docking run on a CPU."""
    return _run(order)


def _on_a_gpu(model: str, image: modal.Image) -> Callable[[Callable[..., Any]], Any]:
    """The decorator of a model's function, which Modal finds by its own name."""
    return app.function(
        image=image,
        gpu=_GPU[model].gpu,
        cpu=8.0,
        memory=32_768,
        timeout=_timeout_s(_GPU[model].deadline_s),
        max_containers=_GIVEN.slots[model],
        **_SHARED,
    )


@_on_a_gpu("boltz2", boltz_image)
def boltz2(order: dict[str, Any]) -> dict[str, Any]:
    """One run of Boltz-2."""
    return _run(order)


@_on_a_gpu("chai1", chai_image)
def chai1(order: dict[str, Any]) -> dict[str, Any]:
    """One run of Chai-1."""
    return _run(order)


@_on_a_gpu("rfantibody", rfantibody_image)
def rfantibody(order: dict[str, Any]) -> dict[str, Any]:
    """One run of RFantibody."""
    return _run(order)


@app.function(image=worker_image, volumes={str(_STATE): state}, schedule=modal.Period(days=1), retries=0)
def sweep() -> None:
    """Remove what was kept of old runs."""
    modal_run.sweep(_STATE / "kept")
    state.commit()


@app.function(image=boltz_image, gpu=_GPU["boltz2"].gpu, timeout=7_200, volumes={str(_WEIGHTS): weights}, retries=0)
def fetch_boltz2() -> None:
    """Fill the volume of weights, once: `modal run -m omtx_worker.modal_app::fetch_boltz2`."""
    peptide = '{"protein": {"id": "A", "sequence": "MENFQKVEKIGEGTYGVVYK", "msa": "empty"}}'
    ligand = '{"ligand": {"id": "B", "smiles": "CCO"}}'
    text = f'version: 1\nsequences: [{peptide}, {ligand}]\nproperties: [{{"affinity": {{"binder": "B"}}}}]\n'
    _first_prediction([settings.programs().boltz, "predict", "small.yaml"], "small.yaml", text)


@app.function(image=chai_image, gpu=_GPU["chai1"].gpu, timeout=7_200, volumes={str(_WEIGHTS): weights}, retries=0)
def fetch_chai1() -> None:
    """The same for Chai-1."""
    text = ">protein|name=A\nMENFQKVEKIGEGTYGVVYK\n"
    _first_prediction([settings.programs().chai, "fold", "small.fasta", "out"], "small.fasta", text)


@app.function(image=rfantibody_image, timeout=7_200, volumes={str(_WEIGHTS): weights}, retries=0)
def fetch_rfantibody() -> None:
    """The same for RFantibody, whose weights are files of their own."""
    folder = _WEIGHTS / "rfantibody"
    folder.mkdir(exist_ok=True)
    for name in ("RFdiffusion_Ab.pt", "ProteinMPNN_v48_noise_0.2.pt", "RF2_ab.pt"):
        address = f"https://files.ipd.uw.edu/pub/RFantibody/{name}"
        subprocess.run(["wget", "--no-verbose", "--continue", address], cwd=folder, check=True)  # noqa: S607
    weights.commit()


@app.function(
    image=worker_image,
    cpu=2.0,
    memory=2_048,
    min_containers=1,
    timeout=150,
    secrets=[secret],
    volumes={str(_STATE): state},
    env=settings.of_modal(_MODELS),
)
@modal.concurrent(max_inputs=100)
@modal.asgi_app(requires_proxy_auth=True)
def gateway() -> FastAPI:
    """The gateway. Beside the secret, which is the hub's, Modal asks for a proxy token before it lets a request in."""
    functions = {"vina": vina, "boltz2": boltz2, "chai1": chai1, "rfantibody": rfantibody}
    far = AtModal(functions, Marks(entries), modal.FunctionCall.from_id)
    return gateway_on(settings.secret(), far, _ledger())


def _run(order: dict[str, Any]) -> dict[str, Any]:
    """Do one run in this container."""
    call_id = modal.current_function_call_id()
    if call_id is None:
        raise RuntimeError("a run is asked for outside of a function call")
    marks = Marks(entries)
    container = Container(
        call_id=call_id,
        marks=marks,
        kept=_STATE / "kept",
        commit=state.commit,
        reload=partial(_reload, state),
        secret=settings.secret(),
        ledger=_ledger() if order["request"]["model"] in _GPU else None,
        turns=Turns(call_id, marks, settings.msa(), partial(_reload, alignments), alignments.commit),
    )
    container.kept.mkdir(parents=True, exist_ok=True)
    _reload(alignments)
    return modal_run.do(order, container)


def _ledger() -> Ledger:
    return Ledger(_STATE / "usage", reload=partial(_reload, state), commit=state.commit)


def _reload(volume: modal.Volume) -> None:
    """What others wrote is worth no run: a volume with open files is reloaded the next time."""
    try:
        volume.reload()
    except RuntimeError as error:
        logging.getLogger(__name__).warning("a volume could not be reloaded: %s", error)


def _first_prediction(command: list[str], name: str, text: str) -> None:
    """Let a model fetch its weights by predicting something small."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_text(text)
        subprocess.run(command, cwd=folder, check=True)
    weights.commit()
