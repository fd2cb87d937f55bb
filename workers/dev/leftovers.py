"""Processes that outlived whoever started them, found by marks only we leave."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

# In the environment of every child, so that a start can tell what an earlier, killed supervisor left behind.
MARK = "POSTROOM_DEV_DATA_DIR"
_PROC = Path("/proc")


def marked(data_dir: Path) -> list[int]:
    """Pids of processes started by a `postroom dev` on `data_dir`; empty where there is no /proc."""
    wanted = f"{MARK}={data_dir}".encode()
    return [pid for pid in _pids() if wanted in _read(pid, "environ").split(b"\0")]


def working_in(folder: Path) -> list[int]:
    """Pids of processes whose working directory is `folder`: a Postgres server and its backends stay in their data.

    Backends lead sessions of their own and write over their environment, so neither group nor mark finds them.
    """
    return [pid for pid in _pids() if _working_directory(pid) == str(folder)]


async def end(find: Callable[[], list[int]], *, patience: float) -> None:
    """Waits up to `patience` seconds until `find` returns nothing, then kills what it still returns.

    Most leftovers are already dying; they get the time to do it properly.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while pids := find():
        if loop.time() > deadline:
            for pid in pids:
                kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.05)


def kill(pid: int, number: int) -> None:
    """Signals one process; one that is gone already is fine."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def kill_group(group: int, number: int) -> None:
    """Signals a process group; one that is gone already is fine."""
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def _pids() -> Iterator[int]:
    if not _PROC.is_dir():
        return
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid() and not _is_zombie(int(entry.name)):
            yield int(entry.name)


def _is_zombie(pid: int) -> bool:
    # proc(5): the state letter follows the command name, which is in parentheses and may contain anything.
    return _read(pid, "stat").rpartition(b")")[2].split()[:1] == [b"Z"]


def _working_directory(pid: int) -> str:
    try:
        return str((_PROC / str(pid) / "cwd").readlink())
    except OSError:
        return ""


def _read(pid: int, name: str) -> bytes:
    try:
        return (_PROC / str(pid) / name).read_bytes()
    except OSError:
        return b""
