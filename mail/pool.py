"""Parsing in killable processes: a mail that hangs, crashes or eats memory costs one process and is itself a result."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import mail
from domain.email import ParsedEmail
from domain.mail_keys import MailKey
from mail.limits import Limits
from mail.parse import salvage
from mail.parser_process import ANSWER_HEAD, DONE, FAILED, READY, REQUEST_LENGTH
from mail.problems import Problems

# What the parent itself reads of a mail that killed its parser: headers only, and no more of them than this.
_SALVAGE = Limits(header_bytes=65_536, addresses=200, references=100)
_MAX_ANSWER = 512 * 1024 * 1024
_START_SECONDS = 60.0
_EXIT_SECONDS = 5.0
_ROOT = str(Path(mail.__file__).resolve().parent.parent)
_IMPORT_PATH = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))


class ParserPool:
    """A fixed number of parser processes; each parses one mail at a time and is replaced when it has to be.

    `seconds` is wall-clock time per mail, `cpu_seconds` processor time; `memory_bytes` limits the address space of
    a process; it is replaced after `mails_per_process` mails or when it has grown too much.
    """

    def __init__(
        self,
        processes: int = 2,
        *,
        seconds: float = 30.0,
        cpu_seconds: int = 20,
        memory_bytes: int = 2 * 1024**3,
        mails_per_process: int = 2_000,
    ) -> None:
        self._processes = processes
        self._seconds = seconds
        self._arguments = (str(memory_bytes), str(cpu_seconds), str(mails_per_process))
        self._idle: asyncio.LifoQueue[asyncio.subprocess.Process | None] = asyncio.LifoQueue()
        self._running: set[asyncio.subprocess.Process] = set()
        self._closed = False
        # For whoever holds large mails in memory until they are parsed: hardly more of them than are being parsed.
        self.turns = asyncio.Semaphore(processes + 1)

    @property
    def pids(self) -> list[int]:
        """Of the processes that run now."""
        return [process.pid for process in self._running if process.returncode is None]

    async def start(self) -> None:
        """Starts the processes; raises RuntimeError where one does not come up."""
        for process in await asyncio.gather(*(self._spawn() for _ in range(self._processes))):
            self._idle.put_nowait(process)

    async def close(self) -> None:
        """Ends every process, also one that is parsing; a mail that comes later finds no process."""
        self._closed = True
        for process in list(self._running):
            await self._end(process)

    async def parse(
        self,
        raw: bytes | Path,
        *,
        known_texts: Sequence[str] = (),
        received_at: datetime | None = None,
        keys: Sequence[MailKey] = (),
    ) -> ParsedEmail:
        """`mail.parse.parse` of bytes or of a file, without the content of the attachments.

        Where the parser had to be killed, its headers with `parser_timeout`, `parser_memory` or `parser_killed` in
        `problems`. `keys` are handed over for this mail only: the process that had them ends with it. Raises OSError
        for a file that cannot be read or written, RuntimeError where no process starts.
        """
        return await self._run(_Request(raw, known_texts, received_at, keys))

    async def extract(
        self,
        raw: bytes | Path,
        directory: Path,
        *,
        known_texts: Sequence[str] = (),
        received_at: datetime | None = None,
        keys: Sequence[MailKey] = (),
    ) -> ParsedEmail:
        """Like `parse`, and writes the bytes of each attachment to `directory/<sha256>`."""
        return await self._run(_Request(raw, known_texts, received_at, keys, directory))

    async def _run(self, request: _Request) -> ParsedEmail:
        process = await self._idle.get()
        kept: asyncio.subprocess.Process | None = None
        try:
            process = process if process is not None and process.returncode is None else await self._spawn()
            try:
                async with asyncio.timeout(self._seconds):
                    status, body = await _exchange(process, request)
            except TimeoutError:
                return request.salvaged("parser_timeout", f"not parsed within {self._seconds:g} s")
            except (ConnectionError, asyncio.IncompleteReadError):
                return request.salvaged(*await _reason(process))
            kept = process if status == DONE else None
            if status == FAILED:
                raise OSError(body.decode(errors="replace"))
            return ParsedEmail.model_validate_json(body)
        finally:
            # Also when the caller was cancelled: an answer that nobody reads must not become the next mail's.
            if kept is None and process is not None:
                await asyncio.shield(self._end(process))
            self._idle.put_nowait(kept)

    async def _spawn(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "mail.parser_process", *self._arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            # Nothing of the parent's secrets is in reach of the code that reads hostile mail.
            env={"PYTHONPATH": _IMPORT_PATH, "PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"},
        )  # fmt: skip
        self._running.add(process)
        assert process.stdout is not None
        try:
            if self._closed:
                raise RuntimeError("the parser pool is closed")
            async with asyncio.timeout(_START_SECONDS):
                await process.stdout.readexactly(len(READY))
        except (TimeoutError, asyncio.IncompleteReadError):
            await self._end(process)
            raise RuntimeError(f"the parser process did not start (exit code {process.returncode})") from None
        except BaseException:
            # Nobody else knows this process: a caller that was cancelled meanwhile would leave it behind.
            await asyncio.shield(self._end(process))
            raise
        return process

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        self._running.discard(process)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


class _Request:
    """One mail on its way to a process, and what the parent needs of it should that process die."""

    def __init__(
        self,
        raw: bytes | Path,
        known_texts: Sequence[str],
        received_at: datetime | None,
        keys: Sequence[MailKey],
        directory: Path | None = None,
    ) -> None:
        fields: dict[str, object] = {"known_texts": list(known_texts)}
        if keys:
            fields["keys"] = [key.model_dump() for key in keys]
        if isinstance(raw, Path):
            fields["path"] = str(raw.resolve())
            with raw.open("rb") as file:
                self._head = file.read(_SALVAGE.header_bytes)
            self.body = b""
        else:
            fields["size"] = len(raw)
            self._head = raw[: _SALVAGE.header_bytes]
            self.body = raw
        if received_at is not None:
            fields["received_at"] = received_at.isoformat()
        if directory is not None:
            fields["directory"] = str(directory.resolve())
        self._received_at = received_at
        encoded = json.dumps(fields).encode()
        self.frame = REQUEST_LENGTH.pack(len(encoded)) + encoded

    def salvaged(self, code: str, detail: str) -> ParsedEmail:
        problems = Problems()
        problems.add(code, detail)
        return salvage(self._head, problems, self._received_at, _SALVAGE)


async def _exchange(process: asyncio.subprocess.Process, request: _Request) -> tuple[int, bytes]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(request.frame)
    if request.body:
        process.stdin.write(request.body)
    await process.stdin.drain()
    status, length = ANSWER_HEAD.unpack(await process.stdout.readexactly(ANSWER_HEAD.size))
    if length > _MAX_ANSWER:
        raise ConnectionError("the answer of the parser process is too long")
    return status, await process.stdout.readexactly(length)


async def _reason(process: asyncio.subprocess.Process) -> tuple[str, str]:
    """Why `process` stopped talking; its pipes close a moment before its exit code is known."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_EXIT_SECONDS):
            await process.wait()
    if process.returncode == -signal.SIGXCPU:
        return "parser_timeout", "the parser used more processor time than a mail may"
    return "parser_killed", f"the parser process ended with {process.returncode}"
