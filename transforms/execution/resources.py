"""Process resources: available CPU cores and memory, and the memory and workers used."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
_workers = 1
_noted = 0


def usable_cores() -> int:
    """Return cores this process may use: those it may be scheduled on, and no more than its control
    group's quota of CPU time.
    """
    allowed = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return max(1, min([allowed, *(int(q) for q in (_quota_v2(), _quota_v1()) if q)]))


def available_bytes() -> int | None:
    """Return memory that can be had without swapping, by the system and this process' control
    group; None where neither tells.
    """
    told = [b for b in (_available(), _group_left()) if b is not None]
    return min(told) if told else None


def resident_bytes() -> int:
    """Return memory of this process that is in RAM now; its peak where the system does not tell."""
    fields = _read(Path("/proc/self/statm")).split()
    return (
        int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
        if len(fields) > 1
        else peak_of(resource.RUSAGE_SELF)
    )


def shared_bytes() -> int:
    """Return memory of this process that others have as well, such as what it got by being forked;
    0 where the system does not tell.
    """
    rows = (line.split() for line in _read(Path("/proc/self/smaps_rollup")).splitlines())
    return 1024 * sum(int(row[1]) for row in rows if row[0] in ("Shared_Clean:", "Shared_Dirty:"))


def peak_of(who: int) -> int:
    """Return the most memory that this process, or the largest of its children that have ended,
    ever had.
    """
    return resource.getrusage(who).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def note_workers(count: int, peak: int) -> None:
    """Remember how many worker processes a run had, and their memory."""
    global _workers, _noted
    _workers, _noted = count, max(_noted, peak)


def workers_used() -> int:
    """Tell how many processes the last run worked in; 1: this one alone."""
    return _workers


def peak_bytes() -> int:
    """Peak memory of this process and its worker processes together: at most that, since their
    peaks need not be at one time.

    Of other children, which Beam starts, the system tells only the largest.
    """
    own = peak_of(resource.RUSAGE_SELF)
    return own + _noted if _noted else max(own, peak_of(resource.RUSAGE_CHILDREN))


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _groups() -> list[Path]:
    """Return folders of this process' control group and those above it, the second version's
    hierarchy.
    """
    own = next(
        (
            line[3:]
            for line in _read(Path("/proc/self/cgroup")).splitlines()
            if line.startswith("0::")
        ),
        "/",
    )
    here = CGROUP / own.strip("/")
    return [p for p in (here, *here.parents) if p.is_relative_to(CGROUP)]


def _quota_v2() -> float | None:
    quotas = [
        row
        for group in _groups()
        if len(row := _read(group / "cpu.max").split()) == 2 and row[0] != "max"
    ]
    return min((max(1.0, int(quota) / int(period)) for quota, period in quotas), default=None)


def _quota_v1() -> float | None:
    quota, period = (
        _read(CGROUP / "cpu" / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")
    )
    return (
        max(1.0, int(quota) / int(period))
        if quota.isdigit() and period.isdigit() and int(period)
        else None
    )


def _available() -> int | None:
    rows = (line.split() for line in _read(Path("/proc/meminfo")).splitlines())
    return next((int(row[1]) * 1024 for row in rows if row[0] == "MemAvailable:"), None)


def _group_left() -> int | None:
    """Return what the control group's limit leaves; files it has cached can be dropped."""
    left = []
    for group in _groups():
        limit, used = _read(group / "memory.max").strip(), _read(group / "memory.current").strip()
        if limit.isdigit() and used.isdigit():
            cached = [
                line.split()[1]
                for line in _read(group / "memory.stat").splitlines()
                if line.startswith("inactive_file ")
            ]
            left.append(int(limit) - int(used) + sum(map(int, cached)))
    limit, used = (
        _read(CGROUP / "memory" / f"memory.{name}_in_bytes").strip() for name in ("limit", "usage")
    )
    if limit.isdigit() and used.isdigit():
        left.append(int(limit) - int(used))
    return max(0, min(left)) if left else None
