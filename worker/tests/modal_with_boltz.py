"""The gateway on `modal_far_side.py`, with a Boltz-2 that writes real files and a server for alignments beside it.

`python modal_with_boltz.py` takes the arguments of the gateway; each question to the server for alignments is a line of
the file `questions` in the state folder: what was asked, and of which sequences.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import modal_far_side
import stand_ins
from msa_server import MsaServer
from support import reference_data_folder

from omtx_worker import settings


class Noting(MsaServer):
    """Writes down what it is asked."""

    def __init__(self, notes: Path) -> None:
        super().__init__()
        self._notes = notes

    def _ask(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        sequences = [line for line in form["q"].splitlines() if not line.startswith(">")]
        with self._notes.open("a") as notes:
            notes.write(f"{' '.join([path, *sequences])}\n")
        return super()._ask(path, form)


def main(kind: type[Noting] = Noting) -> None:
    """Serve until the process is ended, with a server for alignments of this kind."""
    folder = settings.from_command_line(sys.argv[1:]).state_dir
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["BOLTZ_COMMAND"] = str(stand_ins.write(folder / "boltz", stand_ins.BOLTZ, reference_data_folder()))
    os.environ["MSA_CACHE_DIR"] = str(folder / "alignments")
    with kind(folder / "questions") as server:
        os.environ["MSA_SERVER_URL"] = server.url
        modal_far_side.main()


if __name__ == "__main__":
    main()
