"""What every test stands on: real gateways as processes of their own, and the far side that they call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import FarSide, Gateway, reference_data_folder


def pytest_report_header() -> str:
    """Say it loudly when a part of the tests cannot run."""
    if reference_data_folder() is None:
        return "!!! OMTX_REFERENCE_DATA is not set: every test on reference data is SKIPPED !!!"
    return f"reference data: {reference_data_folder()}"


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """The folder of real data, outside of the project."""
    folder = reference_data_folder()
    if folder is None:
        pytest.skip("OMTX_REFERENCE_DATA is not set: nothing was tested against reference data")
    return folder


@pytest.fixture
def far() -> Iterator[FarSide]:
    """A hub's side of the protocol: takes uploads and callbacks, serves inputs."""
    with FarSide() as side:
        yield side


@pytest.fixture(scope="session")
def shared_far() -> Iterator[FarSide]:
    """The far side of `gateway`."""
    with FarSide() as side:
        yield side


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that many tests share, with two slots."""
    with Gateway(tmp_path_factory.mktemp("gateway"), slots=2, queue=40) as running:
        yield running


@pytest.fixture
def own_gateway(tmp_path: Path) -> Iterator[Gateway]:
    """A gateway of one's own to kill, with one slot and one place in the queue."""
    with Gateway(tmp_path, slots=1, queue=1) as running:
        yield running
