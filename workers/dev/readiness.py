"""Questions asked of a starting service. None of them raises: a service that is not there yet is not ready."""

import asyncio
from collections.abc import Awaitable, Callable

from workers.dev.ports import HOST

PATIENCE = 2.0


def http_ok(port: int, path: str = "/health/ready") -> Callable[[], Awaitable[bool]]:
    """Ready when `GET path` answers 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n".encode()

    async def ready() -> bool:
        status_line = await _first_line(port, request)
        return status_line.startswith(b"HTTP/1.1 200 ")

    return ready


def greets(port: int, greeting: bytes) -> Callable[[], Awaitable[bool]]:
    """Ready when the first line a server says starts with `greeting`, as IMAP and SMTP servers' do."""

    async def ready() -> bool:
        return (await _first_line(port, b"")).startswith(greeting)

    return ready


async def _first_line(port: int, request: bytes) -> bytes:
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(HOST, port, limit=4096)
            try:
                writer.write(request)
                return await reader.readline()
            finally:
                writer.close()
    except (OSError, ValueError, TimeoutError):
        return b""
