"""The 58 named targets of the `dockstring` package: receptors, search boxes and its Vina executable.

The package's code is never imported, only its files are found. Source: García-Ortegón et al., J. Chem. Inf. Model.
2022, 62, 3486; receptors are protonated PDBQT made by its authors.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from omtx_worker.protocol import Box, NamedTarget

_SETTING = re.compile(r"^(center|size)_([xyz])\s*=\s*(\S+)\s*$", re.MULTILINE)


@cache
def resources() -> Path:
    """Folder with `targets/` and `bin/` of the installed package."""
    spec = find_spec("dockstring")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the package dockstring is not installed")
    return Path(spec.origin).parent / "resources"


def vina_executable() -> Path:
    """The AutoDock Vina 1.1.2 that the published scores were made with."""
    return resources() / "bin" / "vina_linux"


@cache
def named_targets() -> dict[str, NamedTarget]:
    """All named targets by name, in alphabetical order."""
    receptors = sorted((resources() / "targets").glob("*_target.pdbqt"))
    names = [path.name.removesuffix("_target.pdbqt") for path in receptors]
    return {name: NamedTarget(name=name, box=_box(name)) for name in names}


def receptor_path(name: str) -> Path:
    """The receptor's PDBQT; `KeyError` when there is no target of that name."""
    if name not in named_targets():
        raise KeyError(name)
    return resources() / "targets" / f"{name}_target.pdbqt"


def _box(name: str) -> Box:
    text = (resources() / "targets" / f"{name}_conf.txt").read_text()
    values = {(key, axis): float(value) for key, axis, value in _SETTING.findall(text)}
    center = (values["center", "x"], values["center", "y"], values["center", "z"])
    return Box(center=center, size=(values["size", "x"], values["size", "y"], values["size", "z"]))
