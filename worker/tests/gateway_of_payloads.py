"""A gateway whose every word is one of the texts that it is given: of models, of ligands, of runs and in their files.

`python -m tests.gateway_of_payloads TEXTS` takes the arguments of the gateway after a JSON list of texts; with
`--in-maintenance` among them docking takes no runs. The name of a ligand says what becomes of its run, and which text
tells of it, as in `fails 7`: see `TellingRuns`. Which text a verdict is, the carbons of its SMILES say or the title of
its record: see `TellingVerdicts`.
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import uvicorn
from rdkit import Chem
from rdkit.Chem import AllChem

from omtx_worker import gateway, settings, targets
from omtx_worker.callback import call_back
from omtx_worker.failure import Failure
from omtx_worker.models import BOLTZ_OUTPUTS, VINA_OUTPUTS, local_models
from omtx_worker.protocol import (
    Category,
    LigandRow,
    LigandsAnswer,
    ManifestFile,
    Metric,
    MetricSource,
    ModelsAnswer,
    Problem,
    Progress,
    Run,
    RunAccepted,
    RunError,
    RunRequest,
    Timings,
)
from omtx_worker.transfer import upload

SLOTS = 1_000
"""Whatever goes on does so at once."""

STAGE_S = 0.5
"""How long `tells` stays at a stage."""

RECEPTOR_LINES = 300
"""A piece of a receptor is drawn at once."""

_MEDIA_TYPES = {file.name: file.media_type for file in [*VINA_OUTPUTS, *BOLTZ_OUTPUTS]}
_TOLD = (
    "engine", "worker", "rdkit", "openbabel", "gemmi", "smiles", "docked_fragment", "prepared_smiles", "protonation",
    "receptor_sha256", "heavy_atoms", "rotors", "exhaustiveness", "seed", "poses", "recycling_steps", "sampling_steps",
    "diffusion_samples", "affinity_samples", "former_id", "former_database", "former_status", "former_task",
    "former_model", "former_batch", "submitted_at", "reconstructed",
)  # fmt: skip
"""What the hub shows of how a run was done; the last of it is for what came from elsewhere."""
_LISTED = ("chains", "kept_residues", "removed_residues", "changed_residues", "alignments")


class TellingRuns:
    """Runs that tell a text wherever a text can be told.

    | the ligand is named | its run |
    |---|---|
    | `runs 7` | goes on, at a stage |
    | `waits 7` | goes on, and waits for something |
    | `tells 7` | goes on, and waits for one text after the other, from that one to the last |
    | `fails 7`, `stalls 7` | fails by a fault of the input, or by none, so that it is tried again |
    | `refused 7` | is not taken |
    | `ends 7` | ends with real files; of a prediction half of the values are missing |
    | `names 7` | ends with a file that no model writes |
    """

    def __init__(self, texts: list[str], given: settings.Settings, *, in_maintenance: bool) -> None:
        self._texts = texts
        self._given = given
        self._in_maintenance = in_maintenance
        self._runs: dict[str, Run] = {}
        self._threads = ThreadPoolExecutor(max_workers=4)

    def start(self) -> None:
        """Nothing is left of an earlier gateway."""

    def stop(self) -> None:
        """What goes on is forgotten."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def models(self) -> ModelsAnswer:
        """Docking and Boltz-2 take runs, Chai-1 is in maintenance, RFantibody is not there."""
        told = " ".join(self._texts)
        changes: dict[str, dict[str, Any]] = {
            "vina": {"maintenance": told if self._in_maintenance else None},
            "boltz2": {"available": True, "reason": None, "gpu": told, "slots": SLOTS},
            "chai1": {"available": True, "maintenance": told},
            "rfantibody": {"reason": told},
        }
        offered = local_models(SLOTS, SLOTS).models
        return ModelsAnswer(
            models=[model.model_copy(update=changes[model.id] | {"version": told}) for model in offered]
        )

    def submit(self, request: RunRequest) -> tuple[RunAccepted, bool]:
        """Take a run; what becomes of it is told after that is answered."""
        if is_new := request.run_id not in self._runs:
            act, _, number = request.input["ligand"]["name"].partition(" ")
            text = self._texts[int(number)]
            if act == "refused":
                raise Failure("user", text, text, text)
            self._runs[request.run_id] = _run(request, "queued", text)
            if act == "tells":
                threading.Thread(target=self._tell_all, args=(request, int(number)), daemon=True).start()
            else:
                self._threads.submit(self._do, request, act, text)
        return RunAccepted(run_id=request.run_id, state="queued", call_id=self._runs[request.run_id].call_id), is_new

    def run(self, run_id: str) -> Run | None:
        """The run as it stands."""
        return self._runs.get(run_id)

    def cancel(self, run_id: str) -> Run | None:
        """The run, which is ended."""
        if run_id in self._runs:
            self._runs[run_id] = self._runs[run_id].model_copy(update={"state": "cancelled", "progress": None})
        return self._runs.get(run_id)

    def _do(self, request: RunRequest, act: str, text: str) -> None:
        if act == "runs":
            self._tell(request, _run(request, "running", text, progress=Progress(stage=text, fraction=0.5)))
        elif act == "waits":
            waiting = Progress(stage=f"waiting for {text}", fraction=None)
            self._tell(request, _run(request, "running", text, progress=waiting))
        elif act in ("fails", "stalls"):
            self._tell(request, _failed(request, text, "user" if act == "fails" else "transient"))
        else:
            files = _predicted(text) if request.model == "boltz2" else _docked(text, self._texts)
            manifest = [self._put(request, name, content, text) for name, content in files.items()]
            if act == "names":
                # No shape takes such a name; a worker that lies has none.
                name, length = text, len(text)
                manifest.append(ManifestFile.model_construct(name=name, size_bytes=length, sha256="0" * 64, kind=text))
            metrics = {text: Metric(value=1, unit=text, source=MetricSource(file="log.txt", key=text))}
            parts: dict[str, Any] = {"manifest": manifest, "metrics": metrics, "provenance": {text: text}}
            self._tell(request, _run(request, "succeeded", text, **parts))

    def _tell_all(self, request: RunRequest, first: int) -> None:
        for text in self._texts[first:]:
            self._do(request, "waits", text)
            time.sleep(STAGE_S)

    def _tell(self, request: RunRequest, run: Run) -> None:
        self._runs[request.run_id] = run
        if request.callback is not None:
            call_back(request.callback, self._given.secret, run)

    def _put(self, request: RunRequest, name: str, content: str, text: str) -> ManifestFile:
        path = self._given.state_dir / f"{request.run_id.replace(':', '.')}-{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        (output,) = [output for output in request.outputs if output.name == name]
        upload(path, output, _MEDIA_TYPES[name], time.time() + 60)
        written = content.encode()
        sha256 = hashlib.sha256(written).hexdigest()
        # By its kind the hub knows that there is something to see.
        kind = "poses" if name == "poses.sdf" else text
        return ManifestFile(name=name, size_bytes=len(written), sha256=sha256, kind=kind)


def _run(request: RunRequest, state: Any, text: str, **parts: Any) -> Run:  # noqa: ANN401 - checked by the shape
    timings = Timings(queued_s=0, run_s=1.5)
    return Run(run_id=request.run_id, state=state, call_id=text, timings=timings, **parts)


def _failed(request: RunRequest, text: str, category: Category) -> Run:
    error = RunError(category=category, code=text, message=text, log_tail=f"{text}\n{text}")
    return _run(request, "failed", text, progress=Progress(stage=text, fraction=None), error=error)


def _docked(text: str, of_receptor: list[str]) -> dict[str, str]:
    """What a docking writes; the receptor, of which a piece is enough, is the same for every ligand of a batch."""
    remarks = "".join(f"REMARK {one}\n" for one in of_receptor)
    atoms = targets.receptor_path("ABL1").read_text().splitlines(keepends=True)[:RECEPTOR_LINES]
    poses = [{"rank": rank, "score": -5.0 + rank, "rmsd_lb": 0.0, "rmsd_ub": 0.0} for rank in (1, 2)]
    values = {"docking_score": -4.0, "unit": text, "poses": poses, "warnings": [text], "provenance": _provenance(text)}
    sdf = _pose(text, "-4.0") + _pose(text, text)
    return {
        "poses.sdf": sdf,
        "poses.pdbqt": f"REMARK {text}\n",
        "receptor.pdbqt": remarks + "".join(atoms),
        "metrics.json": json.dumps(values | {text: text}),
        "log.txt": f"{text}\n",
    }


def _pose(text: str, score: str) -> str:
    """Methane in the middle of the box, titled by the text, which every field says too."""
    molecule = Chem.AddHs(Chem.MolFromSmiles("C"))
    AllChem.EmbedMolecule(molecule, randomSeed=1)
    center = targets.named_targets()["ABL1"].box.center
    conformer = molecule.GetConformer()
    conformer.SetPositions(conformer.GetPositions() + center)
    molecule.SetProp("_Name", text)
    fields = {"docking_score": score, "smiles": text, "prepared_smiles": text}
    data = "".join(f">  <{name}>\n{value}\n\n" for name, value in fields.items())
    return f"{Chem.MolToMolBlock(molecule)}{data}$$$$\n"


def _predicted(text: str) -> dict[str, str]:
    """What Boltz-2 writes, less than half of its values."""
    confidences = {"confidence_score": 0.9, "ptm": 0.8}
    affinities = {"affinity_pred_value": -1.25, "affinity_probability_binary": 0.75}
    missing = ("iptm", "ligand_iptm", "complex_plddt", "complex_pde", "affinity_pred_value1")
    source = {"source": {"file": "log.txt", "key": text}, "unit": text, "better": text}
    metrics: dict[str, Any] = {key: {"value": None, "reason": text, "unit": text} for key in (*missing, text)}
    metrics |= {key: {"value": value, **source} for key, value in (confidences | affinities).items()}
    values = {**confidences, **affinities, "warnings": [text], "provenance": _provenance(text), "metrics": metrics}
    atom = "ATOM 1 C CA GLY A 1 0.0 0.0 0.0\n"
    columns = ("group_PDB", "id", "type_symbol", "label_atom_id", "label_comp_id", "label_asym_id", "label_seq_id")
    table = "".join(f"_atom_site.{column}\n" for column in (*columns, "Cartn_x", "Cartn_y", "Cartn_z"))
    return {
        "model_0.cif": f"data_x\n_struct.title\n;{text}\n;\nloop_\n{table}{atom}",
        "confidence_0.json": json.dumps(confidences | {text: text}),
        "affinity.json": json.dumps(affinities | {text: text}),
        "metrics.json": json.dumps(values | {text: text}),
        "log.txt": f"{text}\n",
    }


def _provenance(text: str) -> dict[str, Any]:
    """Whatever the hub shows of it, and what it does not know."""
    told: dict[str, Any] = dict.fromkeys(_TOLD, text) | {name: [text, text] for name in _LISTED}
    box = targets.named_targets()["ABL1"].box.model_dump(mode="json")
    return told | {"box": box, "target": {"named": text}, text: {text: text}}


class TellingVerdicts:
    """In the place of RDKit: of a SMILES that begins with N, O or S a text says what is wrong with it.

    An SDF's records become texts that are no SMILES.
    """

    texts: list[str]

    def __init__(self, size: int) -> None:
        """As many processes as the real one is given are not needed."""

    def start(self) -> None:
        """Nothing starts."""

    def close(self) -> None:
        """Nothing ends."""

    def describe(self, kind: str, given: list[str], task: str) -> bytes:
        """A `LigandsAnswer` as JSON."""
        del task
        of_kind = self._of_record if kind == "sdf" else self._of_smiles
        rows = [LigandRow(index=index, name=None, smiles=None, **of_kind(one)) for index, one in enumerate(given)]
        return LigandsAnswer(rdkit=" ".join(self.texts), rows=rows).model_dump_json().encode()

    def _of_record(self, record: str) -> dict[str, Any]:
        title = record.splitlines()[0]
        return {"canonical_smiles": self.texts[int(title)]}

    def _of_smiles(self, smiles: str) -> dict[str, Any]:
        text = self.texts[smiles.count("C") - 1]
        told = {"inchikey": smiles, "formula": text, "heavy_atoms": len(smiles), "rotors": 0, "canonical_smiles": text}
        if smiles.startswith("N"):
            return told | {"problem": Problem(code="unparsable", message=text)}
        if smiles.startswith("O"):
            return told | {"metals": [text]}
        if smiles.startswith("S"):
            return told | {"fragments": 2, "largest_fragment": text}
        return told


def main() -> None:
    """Serve until the process is ended: the real gateway, but for who does the runs and who describes ligands."""
    texts, *arguments = sys.argv[1:]
    TellingVerdicts.texts = json.loads(texts)
    in_maintenance = "--in-maintenance" in arguments
    given = settings.from_command_line([one for one in arguments if one != "--in-maintenance"])
    gateway.LigandPool = TellingVerdicts
    app = gateway.create(given.secret, TellingRuns(json.loads(texts), given, in_maintenance=in_maintenance))
    uvicorn.run(app, host=given.host, port=given.port, access_log=False, timeout_graceful_shutdown=2)


if __name__ == "__main__":
    main()
