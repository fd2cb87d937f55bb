"""`postroom parse [--attachments DIR] FILE…|-`: one line of JSON per mail, in the order given."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import BinaryIO

from domain.email import ParsedEmail, Problem
from mail.pool import ParserPool

_MAX_PROCESSES = 8


def run(files: list[str], attachments_dir: Path | None, stdin: BinaryIO, stdout: BinaryIO) -> int:
    """Parses `files` (`-` is one mail on `stdin`) and writes a JSON line each to `stdout` (text streams work too).

    A file that cannot be read still has its line, with `unreadable_file` in `problems`; the exit code is then 1,
    else 0. With `attachments_dir`, each attachment's bytes are in `attachments_dir/<sha256>`.
    """
    source: BinaryIO = getattr(stdin, "buffer", stdin)
    sink: BinaryIO = getattr(stdout, "buffer", stdout)
    if attachments_dir is not None:
        attachments_dir.mkdir(parents=True, exist_ok=True)
    return asyncio.run(_run(files, attachments_dir, source, sink))


async def _run(files: list[str], attachments_dir: Path | None, stdin: BinaryIO, stdout: BinaryIO) -> int:
    processes = max(1, min(len(files), os.cpu_count() or 1, _MAX_PROCESSES))
    pool = ParserPool(processes)
    await pool.start()
    code = 0
    try:
        async for email in _in_order(iter(files), pool, attachments_dir, stdin, 2 * processes):
            if any(problem.code == "unreadable_file" for problem in email.problems):
                code = 1
            stdout.write(email.model_dump_json(by_alias=True).encode() + b"\n")
            stdout.flush()
    finally:
        await pool.close()
    return code


async def _in_order(
    files: Iterator[str], pool: ParserPool, directory: Path | None, stdin: BinaryIO, ahead: int
) -> AsyncIterator[ParsedEmail]:
    """The results in the order of `files`; at most `ahead` mails are in work at a time."""
    pending: deque[asyncio.Task[ParsedEmail]] = deque()
    for file in files:
        pending.append(asyncio.create_task(_parse(file, pool, directory, stdin)))
        if len(pending) >= ahead:
            yield await pending.popleft()
    while pending:
        yield await pending.popleft()


async def _parse(file: str, pool: ParserPool, directory: Path | None, stdin: BinaryIO) -> ParsedEmail:
    try:
        raw: bytes | Path = await asyncio.to_thread(stdin.read) if file == "-" else _readable(Path(file))
    except OSError as error:
        return ParsedEmail(problems=[Problem(code="unreadable_file", detail=error.strerror or type(error).__name__)])
    return await (pool.parse(raw) if directory is None else pool.extract(raw, directory))


def _readable(path: Path) -> Path:
    with path.open("rb") as file:
        file.read(1)
    return path
