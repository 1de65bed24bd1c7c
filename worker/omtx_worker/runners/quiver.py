"""Files of RFantibody: quivers, which hold many designs, and designs in HLT order with their scores and loops."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import gemmi

from omtx_worker.failure import system_failure

_SCORE = re.compile(r"^SCORE (\S+): (\S+)\s*$")
_LABEL = re.compile(r"^REMARK PDBinfo-LABEL:\s*(\d+) ([HL][123])\s*$")


@dataclass
class Entry:
    """A design of a quiver: its tag, its scores, and the lines of its PDB file."""

    tag: str
    scores: dict[str, float] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Design:
    """A design as a PDB file tells of it: sequences by chain, loops by name, and the scores that it carries."""

    sequences: dict[str, str]
    loops: dict[str, str]
    scores: dict[str, float]


def read_quiver(text: str) -> list[Entry]:
    """The designs of a quiver, in its order; a `Failure` when it is none."""
    entries: list[Entry] = []
    for line in text.splitlines():
        if line.startswith("QV_TAG"):
            entries.append(Entry(line.split()[1]))
        elif not entries:
            if line.strip():
                raise system_failure("output", "a quiver of RFantibody does not begin with a tag")
        elif line.startswith("QV_SCORE"):
            parts = line.split(maxsplit=2)
            entries[-1].scores |= _scores(parts[2] if len(parts) > 2 else "")
        elif line.strip():
            entries[-1].lines.append(line)
    return entries


def read_design(text: str) -> Design:
    """Sequences, loops and scores of a PDB file in HLT order; loops are told by residues counted over all chains."""
    residues: list[tuple[str, str]] = []
    last: str | None = None
    loops: dict[str, list[int]] = {}
    scores: dict[str, float] = {}
    for line in text.splitlines():
        if line.startswith("ATOM"):
            if line[21:27] != last:
                last = line[21:27]
                residues.append((line[21], gemmi.find_tabulated_residue(line[17:20].strip()).one_letter_code.upper()))
        elif label := _LABEL.match(line):
            loops.setdefault(label[2], []).append(int(label[1]))
        elif score := _SCORE.match(line):
            scores |= _scores(f"{score[1]}={score[2]}")
    if not residues:
        raise system_failure("output", "a design of RFantibody holds no atom")
    sequences: dict[str, str] = {}
    for chain, letter in residues:
        sequences[chain] = sequences.get(chain, "") + letter
    letters = [letter for _, letter in residues]
    named = {
        loop: "".join(letters[number - 1] for number in sorted(numbers) if number <= len(letters))
        for loop, numbers in sorted(loops.items())
    }
    return Design(sequences, named, scores)


def _scores(text: str) -> dict[str, float]:
    """Numbers of `name=value|name=value`; what is no number is left out."""
    found = {}
    for part in text.split("|"):
        name, _, value = part.partition("=")
        try:
            number = float(value)
        except ValueError:
            continue
        if name.strip() and abs(number) < float("inf"):
            found[name.strip()] = number
    return found
