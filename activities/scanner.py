"""ClamAV's daemon: parts of mails are streamed to it (INSTREAM of clamd(8)), one connection each.

Of our own because the library for asyncio knows no Unix sockets and hands over a kilobyte at a time.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from domain.metrics import SCANNED_PARTS
from domain.scanning import Verdict

# Seconds: to be connected, for one part, for all parts of a mail together.
_CONNECT, _SCAN, _MAIL = 5.0, 60.0, 240.0
# Seconds between the tries at one part.
_PAUSES = (0.5, 1.0)
_CHUNK = 256 * 1024
_ANSWER, _NAME = 4096, 100
# What `ExtendedDetectionInfo` adds to a name.
_DETAILS = re.compile(r"\([0-9a-f]+:\d+\)$")
# What clamd answers with `AlertExceedsMax yes` where it did not look at everything.
_NOT_ALL = "Heuristics.Limits.Exceeded"
# A connection that ends or is silent where an answer is due; a time limit is an OSError, too.
_BROKEN = (OSError, EOFError, asyncio.LimitOverrunError)

_NOBODY = Verdict("unscanned", "no_scanner")
_FAILED = Verdict("unscanned", "scan_failed")
_TOO_LARGE = Verdict("unscanned", "too_large")


class ScannerAway(Exception):
    """Nobody answers at the scanner's address."""


def address(url: str) -> Path | tuple[str, int]:
    """Where `tcp://HOST:PORT` or `unix:///PATH` leads. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme == "unix" and not parts.netloc and parts.path.startswith("/"):
        return Path(parts.path)
    if parts.scheme == "tcp" and parts.hostname and parts.port and not parts.path and not parts.username:
        return parts.hostname, parts.port
    raise ValueError(url)


class Scanner:
    """`max_bytes`: larger parts are not scanned; at most clamd's StreamMaxLength, above which it hangs up."""

    def __init__(self, url: str, max_bytes: int) -> None:
        self._address, self.max_bytes = address(url), max_bytes

    async def version(self) -> str:
        """`ClamAV 1.4.6/27800/…`: the program and the signatures it has. Raises ScannerAway."""
        try:
            async with asyncio.timeout(_CONNECT), self._connected() as (reader, writer):
                writer.write(b"zVERSION\0")
                return _text(await reader.readuntil(b"\0"))
        except _BROKEN:
            raise ScannerAway from None

    async def files(self, found: Mapping[str, Path]) -> dict[str, Verdict]:
        """A verdict on each file, within minutes: what does not get its turn is unscanned."""
        verdicts: dict[str, Verdict] = {}
        until = time.monotonic() + _MAIL
        for name, path in found.items():
            verdicts[name] = await self._file(path) if time.monotonic() < until else _NOBODY
            SCANNED_PARTS.labels(verdicts[name].word).inc()
            if verdicts[name] == _NOBODY:
                until = 0.0  # nor is it there for the others
        return verdicts

    async def _file(self, path: Path) -> Verdict:
        size = (await asyncio.to_thread(path.stat)).st_size
        for pause in _PAUSES:
            verdict = await self.scan(_chunks(path), size)
            if verdict not in (_NOBODY, _FAILED):
                return verdict
            await asyncio.sleep(pause)
        return await self.scan(_chunks(path), size)

    async def scan(self, content: AsyncIterable[bytes], size: int) -> Verdict:
        """One try at bytes of which there are `size`."""
        if size > self.max_bytes:
            return _TOO_LARGE
        try:
            async with self._connected() as (reader, writer):
                return await _sent(reader, writer, content)
        except ScannerAway:
            return _NOBODY
        except _BROKEN:
            return _FAILED

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        at = self._address
        try:
            async with asyncio.timeout(_CONNECT):
                reader, writer = (
                    await asyncio.open_unix_connection(at, limit=_ANSWER)
                    if isinstance(at, Path)
                    else await asyncio.open_connection(*at, limit=_ANSWER)
                )
        except OSError:
            raise ScannerAway from None
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


async def _sent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, content: AsyncIterable[bytes]) -> Verdict:
    async with asyncio.timeout(_SCAN):
        writer.write(b"zINSTREAM\0")
        async for chunk in content:
            writer.write(len(chunk).to_bytes(4, "big"))
            writer.write(chunk)
            await writer.drain()
        writer.write(bytes(4))
        return _verdict(_text(await reader.readuntil(b"\0")))


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk


def _text(answer: bytes) -> str:
    return "".join(c for c in answer.decode("utf-8", "replace") if c.isprintable())


def _verdict(answer: str) -> Verdict:
    """Of `stream: OK`, `stream: NAME FOUND` or a sentence that ends in ERROR."""
    said = answer.removeprefix("stream: ")
    if said == "OK":
        return Verdict("clean")
    name = said.removesuffix(" FOUND")
    if name == said:
        return _TOO_LARGE if "size limit" in said else _FAILED
    return _TOO_LARGE if name.startswith(_NOT_ALL) else Verdict("infected", _DETAILS.sub("", name)[:_NAME])
