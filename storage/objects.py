"""The object store: raw mail and attachments, content-addressed and write-once.

Keys are built from a tenant's uuid and a sha256 only, never from anything a sender wrote.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import unquote, urlsplit
from uuid import UUID, uuid4

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import ObjectStore, from_url

from domain import tracing
from domain.identity import HEADER_WINDOW


def raw_key(tenant_id: UUID, sha256: str) -> str:
    return f"{tenant_id}/raw/{_hex(sha256)}"


def part_key(tenant_id: UUID, sha256: str) -> str:
    return f"{tenant_id}/parts/{_hex(sha256)}"


class Objects:
    """A local directory (`file:///…`) or S3, GCS or Azure by URL. Raises obstore's errors."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._root: Path | None = None
        if parts.scheme == "file":
            self._root = Path(unquote(parts.path))
            self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._store: ObjectStore = from_url(url)

    async def put(self, key: str, content: bytes | Path) -> None:
        """Stores durably, once: writing the same key again is success, since keys name their content."""
        with tracing.span("object put", kind=tracing.CLIENT):
            # Looked up first: a duplicate costs a stat instead of a second copy of the bytes.
            if await self.exists(key):
                return
            try:
                await obstore.put_async(self._store, key, content, mode="create")
            except AlreadyExistsError:
                return
            if self._root is not None:
                await asyncio.to_thread(_sync, self._root / key)

    async def get(self, key: str) -> bytes:
        """The whole object. Raises FileNotFoundError."""
        with tracing.span("object get", kind=tracing.CLIENT):
            result = await obstore.get_async(self._store, key)
            return bytes(await result.bytes_async())

    async def stream(self, key: str, chunk_size: int = 1 << 20) -> AsyncIterator[bytes]:
        result = await obstore.get_async(self._store, key)
        async for chunk in result.stream(min_chunk_size=chunk_size):
            yield bytes(chunk)

    async def delete(self, key: str) -> None:
        """An object that is not there is success. Only `storage.deletions` knows whether one may go."""
        with contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._store, key)

    async def exists(self, key: str) -> bool:
        try:
            await obstore.head_async(self._store, key)
        except FileNotFoundError:
            return False
        return True

    async def probe(self) -> None:
        """Writes, reads and deletes an object. Raises whatever the store raises; ValueError when it reads otherwise."""
        key, content = f"probe/{uuid4()}", os.urandom(32)
        await obstore.put_async(self._store, key, content)
        try:
            if await self.get(key) != content:
                raise ValueError("the object store gives other bytes than it was given")
        finally:
            await obstore.delete_async(self._store, key)


class TooLarge(ValueError):
    """More bytes than a message may have."""


class Spool:
    """Collects the chunks of one message in a temporary file while its digest and size are computed."""

    def __init__(self, limit: int) -> None:
        self._file = NamedTemporaryFile(prefix="postroom-", delete=False)  # noqa: SIM115 (closed in close)
        self._digest = hashlib.sha256()
        self._limit = limit
        self._head = b""
        self.size = 0

    def head(self) -> bytes:
        """The beginning, at least as much as the header window of a message."""
        return self._head

    @property
    def path(self) -> Path:
        return Path(self._file.name)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Raises TooLarge once the message is larger than the limit."""
        self.size += len(chunk)
        if self.size > self._limit:
            raise TooLarge(f"larger than {self._limit} bytes")
        if len(self._head) < HEADER_WINDOW:
            self._head += chunk[:HEADER_WINDOW]
        self._digest.update(chunk)
        self._file.write(chunk)

    def finish(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _sync(path: Path) -> None:
    """What a 250 or a 202 promises must survive a power cut: the file, and the directories that name it."""
    for target in (path, *_parents(path)):
        handle = os.open(target, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _parents(path: Path) -> Iterator[Path]:
    yield path.parent
    yield path.parent.parent


def _hex(sha256: str) -> str:
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise ValueError("not a sha256 in lower-case hex")
    return sha256
