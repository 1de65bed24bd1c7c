"""What is asked of Modal for each function, as the module says it to Modal's own client."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from typing import Any

import modal
import pytest

from omtx_worker import modal_app
from omtx_worker.models import BOLTZ_VERSION, CHAI_VERSION, GPU_MODELS, RFANTIBODY_COMMIT

DEADLINES_S = {"vina": 12 * 3_600, **{model.id: model.deadline_s for model in GPU_MODELS}}


class Declared:
    """What functions, the web address and images were declared with."""

    def __init__(self) -> None:
        self.functions: dict[str, dict[str, Any]] = {}
        self.web: dict[str, Any] = {}
        self.installed: list[str] = []


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> Declared:
    """The module is run once more, by a client that notes what it is told and does it."""
    noted = Declared()
    function, web = modal.App.function, modal.asgi_app
    pip, commands = modal.Image.pip_install, modal.Image.run_commands

    def note_function(app: modal.App, **given: Any) -> Callable[[Any], Any]:  # noqa: ANN401
        def decorate(body: Any) -> Any:  # noqa: ANN401
            # What is decorated already, the gateway, has no name of its own.
            noted.functions[getattr(body, "__name__", "gateway")] = given
            return function(app, **given)(body)

        return decorate

    def note_web(**given: Any) -> Any:  # noqa: ANN401
        noted.web = given
        return web(**given)

    def note_packages(image: modal.Image, *packages: str) -> modal.Image:
        noted.installed += packages
        return pip(image, *packages)

    def note_commands(image: modal.Image, *lines: str) -> modal.Image:
        noted.installed += [line for line in lines if "install" in line or "git checkout" in line]
        return commands(image, *lines)

    monkeypatch.setattr(modal.App, "function", note_function)
    monkeypatch.setattr(modal, "asgi_app", note_web)
    monkeypatch.setattr(modal.Image, "pip_install", note_packages)
    monkeypatch.setattr(modal.Image, "run_commands", note_commands)
    for name in ("SLOTS_BOLTZ2", "SLOTS_VINA"):
        monkeypatch.setenv(name, "3")
    runpy.run_path(str(modal_app.__file__))
    return noted


def test_a_model_has_its_gpu_its_files_and_its_time(declared: Declared) -> None:
    """A run is retried by the hub alone, ends itself before Modal ends it, and finds its weights."""
    gpus = {model: declared.functions[model].get("gpu") for model in DEADLINES_S}
    assert gpus == {"vina": None, "boltz2": "H100", "chai1": "A100-80GB", "rfantibody": "A100-80GB"}
    for model, deadline_s in DEADLINES_S.items():
        given = declared.functions[model]
        assert given["retries"] == 0, model
        assert deadline_s < given["timeout"] <= 24 * 3_600, model
        assert set(given["volumes"]) == {"/state", "/msa", "/weights"}, model
        assert len(given["secrets"]) == 1, model
    slots = {model: declared.functions[model]["max_containers"] for model in ("vina", "boltz2")}
    assert slots == {"vina": 3, "boltz2": 3}


def test_weights_are_fetched_into_the_volume_that_models_read(declared: Declared) -> None:
    """By a function for each model, once."""
    for model in ("boltz2", "chai1", "rfantibody"):
        fetched = declared.functions[f"fetch_{model}"]["volumes"]["/weights"]
        assert fetched is declared.functions[model]["volumes"]["/weights"], model


def test_nobody_reaches_the_gateway_without_a_token_of_the_workspace(declared: Declared) -> None:
    """Beside the secret; and it answers before Modal gives up on it."""
    assert declared.web["requires_proxy_auth"] is True
    given = declared.functions["gateway"]
    assert given["timeout"] == 150
    assert len(given["secrets"]) == 1
    assert "/state" in given["volumes"]


def test_what_is_installed_is_of_one_version(declared: Declared) -> None:
    """An image that is built anew is the same."""
    assert f"'boltz[cuda]=={BOLTZ_VERSION}'" in " ".join(declared.installed)
    assert f"'chai_lab=={CHAI_VERSION}'" in " ".join(declared.installed)
    for line in declared.installed:
        assert "==" in line or RFANTIBODY_COMMIT in line, line
