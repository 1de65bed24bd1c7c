"""The alignments that a prediction uses: uploaded ones, checked against the sequence, or those of the server.

With mutations the wild type's alignment is used, its first row being the mutant, so that all variants share one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from omtx_worker import msa
from omtx_worker.failure import Failure, user_failure
from omtx_worker.protocol import RunRequest
from omtx_worker.results import Reports
from omtx_worker.runners.sequence_input import Protein, read_boltz, read_chai
from omtx_worker.settings import MsaSettings

MAX_ROWS = 16_384
MAX_PAIRED_ROWS = 8_192
"""As many as Boltz-2 reads."""


class Alignment(NamedTuple):
    """Text and form of an alignment (`a3m`, or `csv` with `key` and `sequence`), and where it came from."""

    text: str
    form: str
    source: str


def needed(asked: RunRequest, settings: MsaSettings) -> list[tuple[str, ...]]:
    """The sequences whose alignments the run asks the server for, those that belong together in one tuple."""
    if asked.model not in ("boltz2", "chai1") or settings.server_url is None:
        return []
    proteins = (read_boltz if asked.model == "boltz2" else read_chai)(asked)[0].proteins
    without = list(dict.fromkeys(one.sequence for one in proteins if one.msa is None))
    all_asked = all(one.msa is None for one in proteins)
    together = [tuple(without)] if asked.model == "boltz2" and all_asked and len(without) > 1 else []
    return [(sequence,) for sequence in without] + together


def of_boltz(proteins: Sequence[Protein], settings: MsaSettings, work: Path, reports: Reports) -> list[Alignment]:
    """One alignment for each protein; with several proteins each has the form that tells which rows belong together."""
    several = len({one.folded() for one in proteins}) > 1
    found = [uploaded(one, work, several=several) for one in proteins]
    missing = [index for index, one in enumerate(found) if one is None]
    sequences = list(dict.fromkeys(proteins[index].sequence for index in missing))
    together = dict.fromkeys(sequences, "")
    # The keys of uploaded ones are their owner's, and none of ours may meet them.
    if len(sequences) > 1 and len(missing) == len(proteins):
        together = dict(zip(sequences, msa.paired(sequences, settings, work, reports), strict=True))
    alignments = []
    for one, given in zip(proteins, found, strict=True):
        if given is None:
            text = msa.unpaired(one.sequence, settings, work, reports)
            if several:
                text = _keyed(together[one.sequence], text)
            given = Alignment(text, "csv" if several else "a3m", "server")
        alignments.append(given._replace(text=with_query(given.text, given.form, one.folded())))
    return alignments


def uploaded(protein: Protein, work: Path, *, several: bool) -> Alignment | None:
    """The protein's uploaded alignment, none when there is none; a `Failure` when it is not of this sequence."""
    if protein.msa is None:
        return None
    text = (work / f"input-{protein.msa}").read_text("utf-8", "replace").replace("\r\n", "\n").replace("\0", "")
    where = f"the alignment of {protein.name}"
    header = text.lstrip().partition("\n")[0].replace(" ", "").lower()
    if header in ("key,sequence", "sequence,key"):
        rows = [row for row in csv.DictReader(io.StringIO(text.lstrip().upper())) if row.get("SEQUENCE")]
        first = "".join(letter for letter in rows[0]["SEQUENCE"] if letter.isalpha()) if rows else ""
        form = "csv"
    elif several:
        message = f"{where} must be a CSV with the columns sequence and key, as there are several proteins"
        raise user_failure("msa_form", message)
    else:
        first, form = msa.first_row(text), "a3m"
    if not first:
        raise user_failure("msa_empty", f"{where} holds no sequence")
    if first != protein.sequence:
        raise _other_sequence(where, first, protein.sequence)
    return Alignment(text, form, "uploaded")


def with_query(text: str, form: str, query: str) -> str:
    """The alignment with another first row, which is as long."""
    if form == "csv":
        lines = text.lstrip().splitlines()
        columns = [column.strip().lower() for column in lines[0].split(",")]
        cells = lines[1].split(",")
        cells[columns.index("sequence")] = query
        return "\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n"
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    body = next((index for index, line in enumerate(lines[1:], start=1) if line.startswith(">")), len(lines))
    return "\n".join([lines[0], query, *lines[body:]]) + "\n"


def _keyed(together: str, alone: str) -> str:
    """Rows with the numbers by which those of several proteins belong together; -1 for rows that stand alone."""
    rows = [(key, row) for key, row in enumerate(_rows(together)[:MAX_PAIRED_ROWS]) if row.strip("-")]
    lone = _rows(alone)[: MAX_ROWS - len(rows)]
    keyed = [f"{key},{row}" for key, row in rows] + [f"-1,{row}" for row in (lone[1:] if rows else lone)]
    return "\n".join(["key,sequence", *keyed]) + "\n"


def _rows(a3m: str) -> list[str]:
    parts = [part.partition("\n")[2].replace("\n", "") for part in ("\n" + a3m).split("\n>")[1:]]
    return [part for part in parts if part]


def _other_sequence(where: str, first: str, sequence: str) -> Failure:
    if len(first) != len(sequence):
        words = f"its first sequence has {len(first)} residues, the target {len(sequence)}"
    else:
        at = next(place for place, (one, other) in enumerate(zip(first, sequence, strict=True), 1) if one != other)
        words = f"at position {at} its first sequence has {first[at - 1]}, the target {sequence[at - 1]}"
    return user_failure("msa_other", f"{where} is of another sequence: {words}")
