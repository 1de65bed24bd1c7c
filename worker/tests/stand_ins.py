"""Programs that stand in for the models' own: they check how they are called and write what the real ones wrote."""

from __future__ import annotations

import sys
from pathlib import Path

REFERENCE_STEM = "1ckp_cdk2"

BOLTZ = f"""
import shutil
given = dict(zip(sys.argv[3::2], sys.argv[4::2]))
assert sys.argv[1:3] == ["predict", "input.yaml"], sys.argv
samples = int(given["--diffusion_samples"])
text = pathlib.Path("input.yaml").read_text()
for line in text.splitlines():
    if line.strip().startswith("msa:"):
        assert pathlib.Path(json.loads(line.split(": ", 1)[1])).exists()
out = pathlib.Path(given["--out_dir"]) / "boltz_results_input" / "predictions" / "input"
out.mkdir(parents=True)
print("Predicting DataLoader 0:  50%|##   | 1/2", flush=True)
for path in (DATA / "boltz2_cdk2" / "predictions" / "{REFERENCE_STEM}").iterdir():
    name = path.name.replace("{REFERENCE_STEM}", "input")
    if name.startswith("affinity") and "affinity:" not in text:
        continue
    for rank in range(samples if "model_0" in name and not name.endswith(".npz") else 1):
        shutil.copyfile(path, out / name.replace("model_0", "model_%d" % rank))
"""

CHAI = """
import shutil
if sys.argv[1] == "a3m-to-pqt":
    folder, out = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[4])
    (a3m,) = folder.glob("*.a3m")
    out.mkdir(exist_ok=True)
    sequence = a3m.read_text().splitlines()[1]
    (out / (hashlib.sha256(sequence.encode()).hexdigest() + ".aligned.pqt")).write_text(a3m.read_text())
    sys.exit()
assert sys.argv[1] == "fold" and sys.argv[-2:] == ["input.fasta", "out"], sys.argv
out = pathlib.Path("out")
assert not out.exists()
out.mkdir()
for path in (DATA / "chai1_6bj9").iterdir():
    shutil.copyfile(path, out / path.name)
"""

_ELSEWHERE = """
# Like the real ones: they work in another folder, on paths as they are given, with the first python of the path.
assert os.environ["PATH"].split(os.pathsep)[0] == os.path.dirname(sys.argv[0])
os.chdir("/")
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
"""

RFDIFFUSION = (
    _ELSEWHERE
    + """
assert pathlib.Path(given["--target"]).exists() and pathlib.Path(given["--framework"]).exists()
quiver = (DATA / "rfantibody" / "nb_designs.qv").read_text().split("QV_TAG ")[1]
text = "".join(
    "QV_TAG " + quiver.replace("samples_design_0", "samples_design_%d" % n) for n in range(int(given["--num-designs"]))
)
pathlib.Path(given["--output-quiver"]).write_text(text)
"""
)

PROTEINMPNN = (
    _ELSEWHERE
    + """
text = pathlib.Path(given["--input-quiver"]).read_text()
pathlib.Path(given["--output-quiver"]).write_text(text.replace("_design_", "_dldesign_"))
"""
)

RF2 = (
    _ELSEWHERE
    + """
assert pathlib.Path(given["--weights"]).name == "RF2_ab.pt"
tags = [line.split()[1] for line in pathlib.Path(given["--input-quiver"]).read_text().splitlines() if "QV_TAG" in line]
text = next((DATA / "rfantibody").glob("*_best.pdb")).read_text()
for number, tag in enumerate(tags):
    scores = "SCORE target_aligned_cdr_rmsd: %.2f\\n" % (1.5 + number) if number < 2 else ""
    better = text.replace("interaction_pae: 8.29", "interaction_pae: %.2f" % (8.29 - number))
    (pathlib.Path(given["--output-dir"]) / (tag + "_best.pdb")).write_text(better + scores)
"""
)

SILENT = ""
"""Ends well and writes nothing."""


def saying(words: str, status: int = 0) -> str:
    """A program that says something, writes nothing and ends."""
    return f"print({words!r})\nsys.exit({status})\n"


def write(path: Path, body: str, data: Path | None) -> Path:
    """Make the program; `data` is the folder of real files."""
    head = f"#!{sys.executable}\nimport hashlib, json, os, pathlib, sys\nDATA = pathlib.Path({str(data)!r})\n"
    path.write_text(head + body)
    path.chmod(0o755)
    return path
