"""The life of a run as a process: ended once, whatever is killed on the way.

What every executor does is in `test_executors.py`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from support import IMATINIB, PACKAGE_FOLDER, SECRET, SLOW, FarSide, Gateway, eventually

from omtx_worker.failure import system_failure
from omtx_worker.protocol import RunRequest
from omtx_worker.run import Reporter
from omtx_worker.run_folder import TAKEN_BY_ANOTHER, RunFolder, Started


def _slow(far: FarSide, run_id: str, **changes: object) -> dict[str, object]:
    return far.request(run_id, IMATINIB, parameters=SLOW, **changes)


def test_full_is_429(own_gateway: Gateway, far: FarSide) -> None:
    """One slot and one place: the third is told to come again, and a repeated first still gets its answer."""
    own_gateway.submit(_slow(far, "full-a:1"))
    own_gateway.wait_for_stage("full-a:1", "docking")
    own_gateway.submit(_slow(far, "full-b:1"))
    third = own_gateway.request("POST", "/v1/runs", json=_slow(far, "full-c:1"))
    assert third.status_code == 429
    assert int(third.headers["Retry-After"]) > 0
    assert third.json()["error"]["category"] == "quota"
    assert own_gateway.request("GET", "/v1/runs/full-c:1").status_code == 404
    assert own_gateway.request("POST", "/v1/runs", json=_slow(far, "full-b:1")).status_code == 200
    assert own_gateway.run("full-b:1")["state"] == "queued"


def test_cancel_ends_every_process(own_gateway: Gateway, far: FarSide) -> None:
    """A running one with its Vina, and a waiting one at once; a second cancel changes nothing."""
    own_gateway.submit(_slow(far, "cancel-a:1"))
    own_gateway.submit(_slow(far, "cancel-b:1"))
    own_gateway.wait_for_stage("cancel-a:1", "docking")
    running = own_gateway.processes_of("cancel-a:1")
    assert len(running) >= 2
    for run_id in ("cancel-b:1", "cancel-a:1"):
        answer = own_gateway.request("DELETE", f"/v1/runs/{run_id}")
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
        again = own_gateway.request("DELETE", f"/v1/runs/{run_id}")
        assert again.json() == answer.json()
    _all_gone(running)
    eventually(lambda: far.callbacks_of("cancel-a:1")[-1]["state"] == "cancelled", "the callback of the end")
    assert own_gateway.request("DELETE", "/v1/runs/nobody:1").status_code == 404


def test_killed_run_says_so(own_gateway: Gateway, far: FarSide) -> None:
    """A SIGKILL from outside, as the kernel sends when memory is short: said with the input's size, slot freed."""
    own_gateway.submit(_slow(far, "killed:1"))
    own_gateway.wait_for_stage("killed:1", "docking")
    processes = own_gateway.processes_of("killed:1")
    leader = min(processes)
    os.kill(leader, signal.SIGKILL)
    run = own_gateway.wait("killed:1")
    assert (run["state"], run["error"]["category"], run["error"]["code"]) == ("failed", "system", "killed")
    assert run["progress"]["stage"] == "docking"
    assert "memory" in run["error"]["message"]
    assert "37 heavy atoms" in run["error"]["message"]
    _all_gone(processes)
    own_gateway.submit(far.request("after:1"))
    assert own_gateway.wait("after:1")["state"] == "succeeded"


def test_killed_vina_says_so(own_gateway: Gateway, far: FarSide) -> None:
    """The run itself tells when its Vina was killed."""
    own_gateway.submit(_slow(far, "vina:1"))
    own_gateway.wait_for_stage("vina:1", "docking")
    vina = [pid for pid in own_gateway.processes_of("vina:1") if "vina_linux" in _command(pid)]
    assert SECRET.encode() not in Path(f"/proc/{vina[0]}/environ").read_bytes()
    os.kill(vina[0], signal.SIGKILL)
    run = own_gateway.wait("vina:1")
    assert (run["state"], run["error"]["code"]) == ("failed", "killed")
    assert "37 heavy atoms" in run["error"]["message"]


def test_run_outlives_a_killed_gateway(own_gateway: Gateway, far: FarSide) -> None:
    """The running one ends by itself, the waiting one is started by the next gateway, each is done once."""
    own_gateway.submit(far.request("outlive-a:1", "c1ccccc1O", parameters={"exhaustiveness": 8}))
    own_gateway.submit(far.request("outlive-b:1"))
    own_gateway.wait_for_stage("outlive-a:1", "docking")
    own_gateway.kill()
    assert own_gateway.processes_of("outlive-a:1")
    own_gateway.start()
    assert own_gateway.run("outlive-a:1")["state"] in ("running", "succeeded")
    assert own_gateway.wait("outlive-a:1")["state"] == "succeeded"
    assert own_gateway.wait("outlive-b:1")["state"] == "succeeded"
    for run_id in ("outlive-a:1", "outlive-b:1"):
        assert far.puts.count(f"/files/{run_id}/metrics.json") == 1


def test_adopted_run_can_be_cancelled(own_gateway: Gateway, far: FarSide) -> None:
    """A run that the gateway did not start itself is watched like its own."""
    own_gateway.submit(_slow(far, "adopted:1"))
    own_gateway.wait_for_stage("adopted:1", "docking")
    own_gateway.kill()
    own_gateway.start()
    processes = own_gateway.processes_of("adopted:1")
    assert processes
    assert own_gateway.request("DELETE", "/v1/runs/adopted:1").json()["state"] == "cancelled"
    _all_gone(processes)


def test_run_that_died_unwatched_is_lost(own_gateway: Gateway, far: FarSide) -> None:
    """Transient, so that the hub tries again; what the run left behind is ended."""
    own_gateway.submit(_slow(far, "lost:1"))
    own_gateway.wait_for_stage("lost:1", "docking")
    own_gateway.kill()
    processes = own_gateway.processes_of("lost:1")
    os.kill(min(processes), signal.SIGKILL)
    own_gateway.start()
    run = own_gateway.run("lost:1")
    assert (run["state"], run["error"]["category"], run["error"]["code"]) == ("failed", "transient", "lost")
    _all_gone(processes)
    eventually(lambda: far.callbacks_of("lost:1")[-1]["state"] == "failed", "the callback of the end")


def test_one_process_at_most_does_a_run(own_gateway: Gateway, far: FarSide) -> None:
    """A second one, as two gateways might start, leaves at once and changes nothing."""
    own_gateway.submit(_slow(far, "once:1"))
    own_gateway.wait_for_stage("once:1", "docking")
    assert _begin(own_gateway, "once:1").wait(timeout=30) == TAKEN_BY_ANOTHER
    assert own_gateway.run("once:1")["state"] == "running"


def test_what_a_killed_gateway_began_is_cancelled(own_gateway: Gateway, far: FarSide) -> None:
    """A process that takes a waiting run is ended with it when it comes before the cancel, and leaves when after."""
    own_gateway.submit(_slow(far, "before:1"))
    own_gateway.wait_for_stage("before:1", "docking")
    own_gateway.submit(_slow(far, "begun:1"))
    begun = _begin(own_gateway, "begun:1")
    own_gateway.wait_for_stage("begun:1", "docking")
    processes = own_gateway.processes_of("begun:1")
    assert own_gateway.request("DELETE", "/v1/runs/begun:1").json()["state"] == "cancelled"
    assert begun.wait(timeout=30) == -signal.SIGKILL
    _all_gone(processes)

    own_gateway.submit(_slow(far, "late:1"))
    assert own_gateway.request("DELETE", "/v1/runs/late:1").json()["state"] == "cancelled"
    assert _begin(own_gateway, "late:1").wait(timeout=30) == TAKEN_BY_ANOTHER


def test_two_gateways_do_not_share_a_folder(own_gateway: Gateway) -> None:
    """The second ends with a message; the first is not disturbed."""
    command = [sys.executable, "-m", "omtx_worker.gateway", "--port", "0", "--state-dir", str(own_gateway.state)]
    environment = {"GATEWAY_SECRET": SECRET}
    second = subprocess.run(command, cwd=PACKAGE_FOLDER, env=environment, capture_output=True, timeout=60, check=False)
    assert second.returncode != 0
    assert b"another gateway works in" in second.stderr
    assert own_gateway.is_up()


def test_no_start_without_a_secret(tmp_path: Path) -> None:
    """A gateway that anybody may use does not start."""
    command = [sys.executable, "-m", "omtx_worker.gateway", "--port", "0", "--state-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=PACKAGE_FOLDER, env={}, capture_output=True, timeout=60, check=False)
    assert done.returncode != 0
    assert b"GATEWAY_SECRET is not set" in done.stderr


def test_sigterm_ends_everything(own_gateway: Gateway, far: FarSide) -> None:
    """No process stays; the run is lost for the next gateway, the waiting one waits for it."""
    own_gateway.submit(_slow(far, "term-a:1"))
    own_gateway.submit(far.request("term-b:1"))
    own_gateway.wait_for_stage("term-a:1", "docking")
    processes = own_gateway.processes_of("term-a:1")
    own_gateway.terminate()
    _all_gone(processes)
    own_gateway.start()
    run = own_gateway.run("term-a:1")
    assert (run["state"], run["error"]["category"], run["error"]["code"]) == ("failed", "transient", "lost")
    assert own_gateway.wait("term-b:1")["state"] == "succeeded"


def test_quick_stages_are_told_every_five_seconds(far: FarSide, tmp_path: Path) -> None:
    """Of ten within a second the first is told at once and the last after five seconds; the end waits for nothing."""
    request = RunRequest.model_validate(far.request("quick:1"))
    folder = RunFolder.claim(tmp_path, request)
    assert folder is not None
    assert folder.start(Started(os.getpid(), 0, time.time()))

    def told() -> list[str]:
        return [run["progress"]["stage"] for run in far.callbacks_of("quick:1")]

    began = time.monotonic()
    reporter = Reporter(folder, request, SECRET)
    reporter.stage("stage 0")
    eventually(told, "the first stage is told")
    for number in range(1, 10):
        # As long as a stage may take in which little is done.
        time.sleep(0.08)
        reporter.stage(f"stage {number}")
    eventually(lambda: told()[-1] == "stage 9", "the last stage is told")
    before_the_end = told()
    assert before_the_end[0] == "stage 0"
    # However slow the machine of the test is.
    assert (len(before_the_end) - 1) * 5 <= time.monotonic() - began, before_the_end

    folder.fail(system_failure("fault", "it cannot go on"))
    ends = time.monotonic()
    reporter.end()
    assert time.monotonic() - ends < 4
    calls = far.callbacks_of("quick:1")
    assert len(calls) == len(before_the_end) + 1
    assert calls[-1]["state"] == "failed"


def test_upload_waits_for_a_hub_that_restarts(own_gateway: Gateway, far: FarSide) -> None:
    """Answers of 5xx are no end, and a file that is there already counts as uploaded."""
    far.failures_left = 3
    far.uploads["/files/patient:1/poses.sdf"] = b"put by an earlier try"
    own_gateway.submit(far.request("patient:1"))
    run = own_gateway.wait("patient:1")
    assert run["state"] == "succeeded", run
    assert far.failures_left == 0
    assert far.uploads["/files/patient:1/poses.sdf"] == b"put by an earlier try"
    assert len(run["manifest"]) == 7


def test_input_that_is_not_there(own_gateway: Gateway, far: FarSide) -> None:
    """An address that refuses is not asked for ever."""
    receptor = {"name": "r.pdb", "format": "pdb", "file": "receptor"}
    target = {"receptor": receptor, "box": {"center": [0, 0, 0], "size": [20, 20, 20]}}
    request = far.request("absent:1", target=target)
    request["inputs"] = [{"name": "receptor", "url": f"{far.url}/inputs/nowhere"}]
    own_gateway.submit(request)
    run = own_gateway.wait("absent:1")
    assert (run["state"], run["error"]["category"], run["error"]["code"]) == ("failed", "system", "input_unavailable")


def test_old_runs_expire_and_stay_taken(own_gateway: Gateway, far: FarSide) -> None:
    """After seven days the files are gone, the state says so, and the run id is not given twice."""
    request = far.request("old:1")
    accepted = own_gateway.submit(request)
    own_gateway.wait("old:1")
    own_gateway.terminate()
    result = own_gateway.state / "runs" / "old.1" / "result.json"
    eight_days_ago = result.stat().st_mtime - 8 * 24 * 3_600
    result.write_text(result.read_text().rpartition('"at": ')[0] + f'"at": {eight_days_ago}}}')
    own_gateway.start()
    eventually(lambda: own_gateway.run("old:1")["state"] == "expired", "the run expires")
    assert {path.name for path in result.parent.iterdir()} == {"accepted.json", "expired"}
    again = own_gateway.request("POST", "/v1/runs", json=request)
    assert (again.status_code, again.json()) == (200, accepted)


def test_start_is_light(own_gateway: Gateway) -> None:
    """RDKit, a second to load, is loaded by the processes that need it and not by the gateway."""
    assert own_gateway.request("GET", "/v1/models").status_code == 200
    maps = Path(f"/proc/{own_gateway.pid()}/maps").read_text()
    assert "pydantic_core" in maps
    assert "rdkit" not in maps.lower()


def _all_gone(pids: list[int]) -> None:
    """A signal was sent to each; the kernel takes a moment to end them."""
    assert pids
    eventually(lambda: not any(_command(pid) for pid in pids), "the processes of the run end", timeout_s=5)


def _begin(gateway: Gateway, run_id: str) -> subprocess.Popen[bytes]:
    """The process of a run, as another gateway would begin it."""
    command = [sys.executable, "-m", "omtx_worker.run", str(gateway.state / "runs" / run_id.replace(":", "."))]
    return subprocess.Popen(command, cwd=PACKAGE_FOLDER, env={"GATEWAY_SECRET": SECRET}, start_new_session=True)


def _command(pid: int) -> str:
    """The command line of a living process, empty when there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""
