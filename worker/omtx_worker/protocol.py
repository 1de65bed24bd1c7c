"""Shapes of the gateway's protocol, version 1: what is sent and answered, and nothing about how it comes about.

The files of `tests/golden` are examples of each; the hub's tests read the same files.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_LIGANDS = 1_500
"""Most ligands in one `POST /v1/ligands`."""

MAX_SDF_BYTES = 10 * 1024 * 1024
"""Largest SDF text in one `POST /v1/ligands`."""

State = Literal["queued", "running", "succeeded", "failed", "cancelled", "expired"]
Category = Literal["transient", "quota", "user", "system"]
RunId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}:[0-9]{1,9}$", description="{job}:{epoch}")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=4_096)]
HeaderName = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,100}$")]
HeaderValue = Annotated[str, Field(pattern=r"^[ -~]*$", max_length=500)]


class Shape(BaseModel):
    """Base of every shape: an unknown field is an error, on both sides."""

    model_config = ConfigDict(extra="forbid")


class InputFile(Shape):
    """A file that the run reads before it starts."""

    name: FileName
    url: Url


class OutputFile(Shape):
    """A file that the run writes, the create-only address it is put at, and the headers that address demands."""

    name: FileName
    put_url: Url
    headers: dict[HeaderName, HeaderValue] = Field(
        default_factory=dict, max_length=20, exclude_if=lambda headers: not headers
    )


class RunRequest(Shape):
    """Body of `POST /v1/runs`."""

    run_id: RunId
    model: str
    task: str
    input: dict[str, Any]
    parameters: dict[str, Any] = Field(default_factory=dict)
    inputs: list[InputFile] = Field(default_factory=list, max_length=20)
    outputs: list[OutputFile] = Field(default_factory=list, max_length=50)
    deadline_s: float = Field(gt=0, le=7 * 24 * 3_600)
    callback: Url | None = None


class RunAccepted(Shape):
    """Answer of `POST /v1/runs`: 202 the first time, 200 with the same words when the request is repeated."""

    run_id: RunId
    state: State
    call_id: str


class Progress(Shape):
    """Where a run is, or was when it failed or was cancelled.

    The fraction is of this stage, not of the whole, and null where nothing measures it.
    """

    stage: str
    fraction: float | None = Field(ge=0, le=1)


class RunError(Shape):
    """Why a run failed, in words that its owner can act on."""

    category: Category
    code: str
    message: str
    log_tail: str = ""
    retry_after_s: int | None = Field(None, ge=0)


class ManifestFile(Shape):
    """One result file as it was uploaded."""

    name: FileName
    size_bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    kind: str


class MetricSource(Shape):
    """The file and the key in it that a metric was read from."""

    file: FileName
    key: str


class Metric(Shape):
    """One number of a result, with its unit (null for a pure number)."""

    value: float
    unit: str | None
    source: MetricSource


class Timings(Shape):
    """Seconds spent waiting for a slot and running; null before they are known."""

    queued_s: float | None = Field(ge=0)
    run_s: float | None = Field(ge=0)


class Run(Shape):
    """Answer of `GET` and `DELETE /v1/runs/{run_id}`, and body of the callback."""

    run_id: RunId
    state: State
    call_id: str
    progress: Progress | None = None
    error: RunError | None = None
    manifest: list[ManifestFile] | None = None
    metrics: dict[str, Metric] | None = None
    provenance: dict[str, Any] | None = None
    timings: Timings


class Refusal(Shape):
    """Why a request was refused; `field` is the path of the field at fault, as in `input.ligand.smiles`."""

    category: Category
    code: str
    message: str
    field: str | None = None


class RefusalBody(Shape):
    """Body of every answer of 400 and above."""

    error: Refusal


class LigandText(Shape):
    """One ligand to look at. Any text is allowed: what is wrong with it is in the answer's row."""

    smiles: str


class LigandsRequest(Shape):
    """Body of `POST /v1/ligands`: a list of SMILES or the text of an SDF, not both."""

    task: str
    ligands: list[LigandText] | None = Field(default=None, max_length=MAX_LIGANDS)
    sdf: str | None = None

    @model_validator(mode="after")
    def one_of_both(self) -> LigandsRequest:
        """Refuse both and neither."""
        if (self.ligands is None) == (self.sdf is None):
            raise ValueError("send either ligands or sdf")
        return self


class Problem(Shape):
    """Why a ligand cannot be used for the task; `no_heavy_atoms` and `element` are problems of docking alone."""

    code: Literal[
        "empty", "too_long", "whitespace", "character", "brackets", "parentheses", "ring_bond",
        "unparsable", "v3000", "no_atoms", "no_heavy_atoms", "element", "took_too_long",
    ]  # fmt: skip
    message: str


class LigandRow(Shape):
    """What RDKit says of one ligand; chemistry is null when the ligand could not be read.

    `smiles` is the text that was sent, or for an SDF record the canonical SMILES. `weight` is the average molecular
    weight in g/mol. `rotors` counts rotatable bonds by RDKit's strict definition.
    `radical_electrons` and `metals` are those of the largest fragment, the one that would be docked: the sodium of a
    salt is none of them.
    """

    index: int = Field(ge=0)
    name: str | None
    smiles: str | None
    canonical_smiles: str | None = None
    inchikey: str | None = None
    formula: str | None = None
    weight: float | None = None
    heavy_atoms: int | None = None
    rotors: int | None = None
    fragments: int | None = None
    largest_fragment: str | None = None
    undefined_stereo: int | None = None
    radical_electrons: int | None = None
    metals: list[str] | None = None
    problem: Problem | None = None


class LigandsAnswer(Shape):
    """Answer of `POST /v1/ligands`, one row per ligand in the order of the request."""

    rdkit: str
    rows: list[LigandRow]


Vector = tuple[float, float, float]


class Box(Shape):
    """A search box: centre and edges in Å."""

    center: Vector
    size: Vector


class NamedTarget(Shape):
    """A target that the gateway holds, with its box."""

    name: str
    box: Box


class OutputDeclaration(Shape):
    """A file that a model writes."""

    name: FileName
    kind: str
    media_type: str


class Model(Shape):
    """What the gateway says of one model; a model that cannot run here has `available` false and a reason.

    `gpu_hours_left` is there only where a budget is kept: what is left of it this month.
    """

    id: str
    available: bool
    reason: str | None = None
    tasks: list[str]
    version: str | None
    gpu: str | None
    slots: int = Field(ge=0)
    queue: int = Field(ge=0)
    price_per_hour: float = Field(ge=0)
    maintenance: str | None = None
    gpu_hours_left: float | None = Field(default=None, exclude_if=lambda hours: hours is None)
    outputs: list[OutputDeclaration] = Field(default_factory=list)
    targets: list[NamedTarget] = Field(default_factory=list)
    limits: dict[str, Any] = Field(default_factory=dict)


class ModelsAnswer(Shape):
    """Answer of `GET /v1/models`."""

    models: list[Model]


class Health(Shape):
    """Answer of `GET /v1/healthz`."""

    status: Literal["ok"]
    version: str
