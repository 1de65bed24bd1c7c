"""The process that describes ligands: a line of JSON in, a line of JSON out, in lockstep.

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
        # The default action of SIGALRM ends the process.
        signal.alarm(ligand_timeout_s)
        describe = describe_record if question["kind"] == "sdf" else describe_smiles
        row = describe(question["index"], question["text"], question["task"])
        signal.alarm(0)
        print(row.model_dump_json(), flush=True)


if __name__ == "__main__":
    main()
