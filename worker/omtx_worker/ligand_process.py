"""The process that describes ligands: a line of JSON in, with some ligands, and a line of JSON out for each.

It ends itself when one ligand takes too long, also inside RDKit's or InChI's own code, where no exception reaches.
"""

from __future__ import annotations

import json
import resource
import signal
import sys

from omtx_worker.ligands import describe_record, describe_smiles, rdkit_version

MEMORY_LIMIT_BYTES = 4 * 1024**3


def main() -> None:
    """Answer until stdin ends; the one argument is how many seconds a ligand may take."""
    ligand_timeout_s = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    print(json.dumps({"rdkit": rdkit_version()}), flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        describe = describe_record if question["kind"] == "sdf" else describe_smiles
        for index, text in question["ligands"]:
            # The default action of SIGALRM ends the process.
            signal.alarm(ligand_timeout_s)
            row = describe(index, text, question["task"])
            signal.alarm(0)
            # Each at once, so that it is known which ligand ended the process.
            print(row.model_dump_json(), flush=True)


if __name__ == "__main__":
    main()
