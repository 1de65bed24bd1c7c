"""`metrics.json`: every number of a result with its unit, its direction and the place it was read from.

The plain values stand at the top, null where the model wrote none; `metrics` tells the rest of each, and the reason of
a missing one. No value is ever made here.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Literal, NamedTuple

from omtx_worker.protocol import Metric, MetricSource

METRICS_FILE = "metrics.json"


class Kind(NamedTuple):
    """What a metric is: its unit, none for a plain number, and its good end."""

    unit: str | None
    better: Literal["low", "high"]


_PLAIN_HIGH = Kind(None, "high")
_ANGSTROM_LOW = Kind("Å", "low")
KINDS: dict[str, Kind] = {
    "docking_score": Kind("kcal/mol", "low"),
    "affinity_pred_value": Kind("log10(IC50/µM)", "low"),
    "affinity_pred_value1": Kind("log10(IC50/µM)", "low"),
    "affinity_pred_value2": Kind("log10(IC50/µM)", "low"),
    "affinity_probability_binary": _PLAIN_HIGH,
    "affinity_probability_binary1": _PLAIN_HIGH,
    "affinity_probability_binary2": _PLAIN_HIGH,
    "confidence_score": _PLAIN_HIGH,
    "ptm": _PLAIN_HIGH,
    "iptm": _PLAIN_HIGH,
    "ligand_iptm": _PLAIN_HIGH,
    "protein_iptm": _PLAIN_HIGH,
    "complex_plddt": _PLAIN_HIGH,
    "complex_iplddt": _PLAIN_HIGH,
    "complex_pde": _ANGSTROM_LOW,
    "complex_ipde": _ANGSTROM_LOW,
    "aggregate_score": _PLAIN_HIGH,
    "interaction_pae": _ANGSTROM_LOW,
    "pae": _ANGSTROM_LOW,
    "pred_lddt": _PLAIN_HIGH,
    "target_aligned_antibody_rmsd": _ANGSTROM_LOW,
    "target_aligned_cdr_rmsd": _ANGSTROM_LOW,
    "framework_aligned_antibody_rmsd": _ANGSTROM_LOW,
    "framework_aligned_cdr_rmsd": _ANGSTROM_LOW,
}


class Value(NamedTuple):
    """A metric's value as `file` has it at `key`, or why there is none."""

    value: float | None
    file: str
    key: str
    reason: str | None = None


def number(value: Any) -> float | None:  # noqa: ANN401 - whatever a model wrote
    """A finite number as it was written, none for anything else."""
    finite = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if finite else None


def read_value(values: dict[str, Any], key: str, file: str) -> Value:
    """The number at a key of a file that the model wrote."""
    found = number(values.get(key))
    return Value(found, file, key, "the model wrote no value" if found is None else None)


def write_metrics(work: Path, values: dict[str, Value], **more: Any) -> dict[str, Metric]:  # noqa: ANN401 - JSON
    """Write the file; the metrics that have a value. `more` stands beside the values, as tables and provenance do."""
    described = {key: _described(key, value) for key, value in values.items()}
    return write_plain_metrics(work, values, metrics=described, **more)


def write_plain_metrics(work: Path, values: dict[str, Value], **more: Any) -> dict[str, Metric]:  # noqa: ANN401 - JSON
    """The same without `metrics`, as docking has it: its one value needs no reasons."""
    told = {key: value.value for key, value in values.items()} | more
    (work / METRICS_FILE).write_text(json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return {
        key: Metric(value=one.value, unit=KINDS[key].unit, source=MetricSource(file=one.file, key=one.key))
        for key, one in values.items()
        if one.value is not None
    }


def _described(key: str, value: Value) -> dict[str, Any]:
    kind = KINDS[key]
    described: dict[str, Any] = {"value": value.value, "unit": kind.unit, "better": kind.better}
    if value.value is None:
        return described | {"reason": value.reason}
    return described | {"source": {"file": value.file, "key": value.key}}
