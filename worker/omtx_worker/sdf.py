"""Splitting an SDF into its records, without reading any chemistry."""

from __future__ import annotations


def split_sdf(text: str) -> list[str]:
    """The records of an SDF; the last may lack its `$$$$`, and one of white space alone is none."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    records: list[str] = []
    begun: list[str] = []
    for line in lines:
        if line.rstrip() == "$$$$":
            records.append("\n".join(begun) + "\n")
            begun = []
        else:
            begun.append(line)
    if any(line.strip() for line in begun):
        records.append("\n".join(begun) + "\n")
    return records
