"""From the files that a runner wrote to the manifest of what was uploaded."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from omtx_worker.protocol import ManifestFile, Metric, OutputDeclaration, RunRequest
from omtx_worker.run_folder import RunFolder
from omtx_worker.transfer import upload

EXTRA = OutputDeclaration(name="extra.zip", kind="extra", media_type="application/zip")


@dataclass(frozen=True)
class Outcome:
    """What a runner wrote into the work folder: declared files, further ones for `extra.zip`, and its numbers."""

    files: list[OutputDeclaration]
    extra: list[str]
    metrics: dict[str, Metric]
    provenance: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Everything but the files' content."""
        return {
            "files": [file.model_dump() for file in self.files],
            "extra": self.extra,
            "metrics": {key: metric.model_dump() for key, metric in self.metrics.items()},
            "provenance": self.provenance,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Outcome:
        """The same again."""
        return cls(
            files=[OutputDeclaration.model_validate(file) for file in values["files"]],
            extra=values["extra"],
            metrics={key: Metric.model_validate(metric) for key, metric in values["metrics"].items()},
            provenance=values["provenance"],
        )


class Reports(Protocol):
    """Where a runner says what it does; `run.Reporter` is one."""

    def stage(self, stage: str, fraction: float | None = None) -> None:
        """Say what is being done, and how much of it is done where that is known."""

    def size(self, words: str) -> None:
        """Say how large the input is."""


def upload_all(
    folder: RunFolder, request: RunRequest, outcome: Outcome, give_up_at: float, reports: Reports
) -> list[ManifestFile]:
    """Upload every file that has an address; those without one go into `extra.zip` with the further files."""
    addresses = {output.name: output for output in request.outputs}
    listed = [file for file in outcome.files if file.name in addresses]
    unlisted = [file.name for file in outcome.files if file.name not in addresses] + outcome.extra
    if EXTRA.name in addresses and unlisted:
        _zip(folder.work / EXTRA.name, [folder.work / name for name in unlisted])
        listed.append(EXTRA)
    manifest = []
    for number, file in enumerate(listed):
        reports.stage("uploading", round(number / len(listed), 2))
        path = folder.work / file.name
        upload(path, addresses[file.name], file.media_type, give_up_at)
        manifest.append(_entry(path, file.kind))
    return manifest


def _entry(path: Path, kind: str) -> ManifestFile:
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    return ManifestFile(name=path.name, size_bytes=len(content), sha256=sha256, kind=kind)


def _zip(path: Path, files: list[Path]) -> None:
    """The same files give the same bytes: no times are kept."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes(), zipfile.ZIP_DEFLATED)
