"""Processes as the kernel tells of them: which one it is, how it ended, and what is left of its session."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from omtx_worker.failure import Failure, system_failure


def start_ticks(pid: int) -> int | None:
    """When the process started, in clock ticks since boot: with its id the one name that is never used twice.

    None when there is no such process or only its zombie.
    """
    fields = _stat(pid)
    return None if fields is None or fields[0] in ("Z", "X") else int(fields[19])


def is_alive(pid: int, ticks: int) -> bool:
    """Whether that very process is running."""
    return start_ticks(pid) == ticks


def signal_session(leader: int, ticks: int, number: signal.Signals) -> int:
    """Signal every process of the session that `leader` began; how many there were.

    Members keep the session's id from being given to anybody else, so a session of that number belongs to the leader
    unless a younger process now leads it.
    """
    leader_now = start_ticks(leader)
    if leader_now is not None and leader_now != ticks:
        return 0
    members = [pid for pid in _all_pids() if _session(pid) == leader]
    for pid in members:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
    return len(members)


def exit_status(pid: int) -> int | None:
    """How a child ended, left to be reaped: an exit code, a signal as a negative number, none while it runs."""
    info = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if info is None:
        return None
    return info.si_status if info.si_code == os.CLD_EXITED else -info.si_status


def out_of_memory_kills() -> int:
    """How many processes the kernel ended in this control group for want of memory; 0 where it does not tell."""
    try:
        group = Path("/proc/self/cgroup").read_text().strip().rpartition("::")[2].lstrip("/")
        events = (Path("/sys/fs/cgroup") / group / "memory.events").read_text()
        return sum(int(line.split()[1]) for line in events.splitlines() if line.startswith("oom_kill "))
    except (OSError, ValueError):
        return 0


def killed(number: int, size: str, *, out_of_memory: bool) -> Failure:
    """The failure of a process that a signal ended which nobody here sent; `size` is that of its input, in words."""
    of_size = f" (size of the input: {size})" if size else ""
    if out_of_memory:
        return system_failure("out_of_memory", f"the machine ran out of memory{of_size}")
    if number == signal.SIGKILL:
        message = f"the run was killed from outside, most likely for want of memory{of_size}"
        return system_failure("killed", message)
    name = signal.Signals(number).name if number in signal.valid_signals() else str(number)
    return system_failure("killed", f"the run was ended by the signal {name}{of_size}")


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third (state) on; the second, the name, may hold anything."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def _session(pid: int) -> int | None:
    fields = _stat(pid)
    return None if fields is None or fields[0] in ("Z", "X") else int(fields[3])


def _all_pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
