"""The rules of SMILES that need no chemistry, the same in the browser, on the server and here.

They refuse only what RDKit refuses as well, so that a text which passes may still be no molecule.
`tests/golden/smiles_rules.json` holds examples that all three sides check.
"""

from __future__ import annotations

import re
import string

from omtx_worker.protocol import Problem

MAX_SMILES_CHARACTERS = 500

_ALLOWED = frozenset(string.ascii_letters + string.digits + "[]()=#$:/\\.-+@%*~<>")
_RING_BOND = re.compile(r"%\((?P<long>\d{1,5})\)|%(?P<two>\d\d)|(?P<one>\d)")


def syntax_problem(text: str) -> Problem | None:
    """The first rule that the text breaks, none when it may be SMILES. White space around it does not count."""
    smiles = text.strip(string.whitespace)
    if not smiles:
        return Problem(code="empty", message="there is no SMILES here")
    if len(smiles) > MAX_SMILES_CHARACTERS:
        message = f"the SMILES has {len(smiles)} characters, the most is {MAX_SMILES_CHARACTERS}"
        return Problem(code="too_long", message=message)
    for position, character in enumerate(smiles, start=1):
        if character in string.whitespace:
            return Problem(code="whitespace", message=f"there is white space inside the SMILES, at position {position}")
        if character not in _ALLOWED:
            shown = repr(character) if character.isprintable() else f"U+{ord(character):04X}"
            return Problem(code="character", message=f"{shown} at position {position} does not occur in SMILES")
    return _unbalanced(smiles)


def _unbalanced(smiles: str) -> Problem | None:
    """Brackets first, then branches, then ring bonds, each reported by itself."""
    if re.sub(r"\[[^\[\]]+\]", "", smiles).count("[") or "]" in re.sub(r"\[[^\[\]]+\]", "", smiles):
        return Problem(code="brackets", message="a square bracket is not closed, not opened, or empty")
    # What stands in brackets is one atom; its digits are isotopes, charges and the like.
    atoms = re.sub(r"\[[^\[\]]+\]", "*", smiles)
    ring_numbers = _RING_BOND.sub(lambda match: "" if match["long"] else match[0], atoms)
    depth = 0
    for character in ring_numbers:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return Problem(code="parentheses", message="a round bracket closes that was not opened")
    if depth:
        return Problem(code="parentheses", message="a round bracket is not closed")
    return _open_ring(atoms)


def _open_ring(atoms: str) -> Problem | None:
    if "%" in _RING_BOND.sub("", atoms):
        return Problem(code="ring_bond", message="after % there must be two digits, the number of a ring bond")
    unclosed: set[int] = set()
    for match in _RING_BOND.finditer(atoms):
        unclosed ^= {int(match["long"] or match["two"] or match["one"])}
    if unclosed:
        return Problem(code="ring_bond", message=f"ring bond {min(unclosed)} is not closed")
    return None
