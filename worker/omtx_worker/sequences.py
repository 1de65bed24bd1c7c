"""The rules of protein sequences, the same in the browser, on the server and here.

`tests/golden/sequence_rules.json` holds examples that all sides check.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

LETTERS = "ACDEFGHIKLMNPQRSTVWY"
UNKNOWN = "X"
SHORTEST, LONGEST = 10, 2_000

Code = Literal["empty", "letter", "too_short", "too_long", "several_records"]
_MUTATION = re.compile(rf"^([{LETTERS}{UNKNOWN}])([1-9][0-9]{{0,3}})([{LETTERS}])$")


class SequenceProblem(NamedTuple):
    """Why a text is no protein sequence; `position` counts residues from 1, for a letter that is none."""

    code: Code
    message: str
    position: int | None = None


def clean(text: str) -> str:
    """The sequence in capitals, without white space and without the header of a FASTA file."""
    lines = text.strip().splitlines()
    body = lines[1:] if lines and lines[0].lstrip().startswith(">") else lines
    return "".join("".join(body).split()).upper()


def problem(text: str) -> SequenceProblem | None:
    """The first rule that the text breaks once it is cleaned."""
    if sum(line.lstrip().startswith(">") for line in text.splitlines()) > 1:
        return SequenceProblem("several_records", "there is more than one record; give one sequence at a time")
    sequence = clean(text)
    if not sequence:
        return SequenceProblem("empty", "there is no sequence here")
    for position, letter in enumerate(sequence, start=1):
        if letter not in LETTERS and letter != UNKNOWN:
            shown = repr(letter) if letter.isprintable() else f"U+{ord(letter):04X}"
            return SequenceProblem("letter", f"{shown} at position {position} is no amino acid", position)
    if len(sequence) < SHORTEST:
        words = f"the sequence has {len(sequence)} residues, the least is {SHORTEST}"
        return SequenceProblem("too_short", words)
    if len(sequence) > LONGEST:
        words = f"the sequence has {len(sequence)} residues, the most is {LONGEST}"
        return SequenceProblem("too_long", words)
    return None


def mutated(sequence: str, mutations: list[str]) -> str:
    """The sequence with mutations like `K2A`, numbered from 1 and checked against it, or a `ValueError` in words."""
    letters = list(sequence)
    changed: set[int] = set()
    for mutation in mutations:
        match = _MUTATION.match(mutation)
        if match is None:
            raise ValueError(f"{mutation[:20]!r} is no mutation like K2A")
        before, position, after = match[1], int(match[2]), match[3]
        if position > len(sequence):
            raise ValueError(f"{mutation}: the sequence has only {len(sequence)} residues")
        if sequence[position - 1] != before:
            raise ValueError(f"{mutation}: residue {position} is {sequence[position - 1]}, not {before}")
        if position in changed:
            raise ValueError(f"{mutation}: residue {position} is changed twice")
        changed.add(position)
        letters[position - 1] = after
    return "".join(letters)
