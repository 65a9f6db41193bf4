"""How much memory this process may still take, as the operating system tells.

Physical memory is not the answer: other processes hold some of it, and containers
(control groups) and ``ulimit -v`` allow less.  What can be given back, caches and
swap, counts as free.  Linux tells; elsewhere the answer is None.

Must not import torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")
NO_LIMIT = 1 << 60
"""Control groups of version 1 write some number above this where there is no limit."""


def available_bytes(root: Path | None = None, own_limits: bool = True) -> int | None:
    """Return the bytes that this process may still take; None: the system does not tell.

    Args:
        root: Where ``proc`` and ``sys`` lie; default: ``/``.
        own_limits: Whether limits on this process alone (``ulimit -v``) count.
    """
    root = ROOT if root is None else root
    info = _table(root / "proc/meminfo", unit=1024)
    swap = info.get("SwapFree", 0)
    rooms = [info["MemAvailable"] + swap] if "MemAvailable" in info else []
    rooms += [room for folder in _groups_v2(root) if (room := _room_v2(folder, swap)) is not None]
    rooms += [room for folder in _groups_v1(root) if (room := _room_v1(folder, swap)) is not None]
    if own_limits:
        rooms += _own_rooms(root)
    return max(0, min(rooms)) if rooms else None


def _groups_v2(root: Path) -> Iterator[Path]:
    for mount in ("sys/fs/cgroup", "sys/fs/cgroup/unified"):
        yield from _with_parents(root / mount, _own_group(root, r"^0::(.*)$"))


def _groups_v1(root: Path) -> Iterator[Path]:
    yield from _with_parents(
        root / "sys/fs/cgroup/memory", _own_group(root, r"^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$")
    )


def _own_group(root: Path, line: str) -> str:
    match = re.search(line, _text(root / "proc/self/cgroup"), re.MULTILINE)
    return match.group(1).strip("/") if match else ""


def _with_parents(mount: Path, group: str) -> Iterator[Path]:
    """Yield the folders of a group and of those around it: the limits of all hold.

    Inside a container the mount point may be the group itself, and its path outside be unknown.
    """
    folder = mount / group
    while folder != mount:
        yield folder
        folder = folder.parent
    yield mount


def _room_v2(folder: Path, swap: int) -> int | None:
    limit, used = _number(folder / "memory.max"), _number(folder / "memory.current")
    if limit is None or used is None:
        return None
    swap_limit, swapped = _number(folder / "memory.swap.max"), _number(folder / "memory.swap.current")
    if swap_limit is not None:
        swap = min(swap, max(0, swap_limit - (swapped or 0)))
    stat = _table(folder / "memory.stat")
    cache = sum(stat.get(name, 0) for name in ("active_file", "inactive_file", "slab_reclaimable"))
    return limit - used + cache + swap


def _room_v1(folder: Path, swap: int) -> int | None:
    limit, used = _number(folder / "memory.limit_in_bytes"), _number(folder / "memory.usage_in_bytes")
    if limit is None or used is None or limit >= NO_LIMIT:
        return None
    stat = _table(folder / "memory.stat")
    cache = sum(stat.get(f"total_{name}", 0) for name in ("active_file", "inactive_file"))
    room = limit - used + cache + swap
    both, both_used = (_number(folder / f"memory.memsw.{name}_in_bytes") for name in ("limit", "usage"))
    if both is None or both_used is None or both >= NO_LIMIT:
        return room
    return min(room, both - both_used + cache)


def _own_rooms(root: Path) -> list[int]:
    """Return what ``ulimit -v`` and ``ulimit -d`` leave."""
    try:
        import resource
    except ImportError:  # not on Windows
        return []
    status = _table(root / "proc/self/status", unit=1024)
    pairs = ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData"))
    limits = [(resource.getrlimit(kind)[0], status.get(name)) for kind, name in pairs]
    return [limit - used for limit, used in limits if limit != resource.RLIM_INFINITY and used is not None]


def _table(path: Path, unit: int = 1) -> dict[str, int]:
    """Return the numbers of lines such as ``MemAvailable: 123 kB`` or ``inactive_file 123``."""
    rows = re.findall(r"^(\w+):?\s+(\d+)(?: kB)?$", _text(path), re.MULTILINE)
    return {name: int(number) * unit for name, number in rows}


def _number(path: Path) -> int | None:
    """Return the number in a file; None where there is none, or ``max``."""
    text = _text(path).strip()
    return int(text) if text.isdecimal() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
