"""An HTTP/1.1 client that costs next to nothing, as a process of its own: it sends requests rendered beforehand.

stdin: JSON `{"port", "connections", "seconds", "requests": [base64 of a whole request, …]}`.
stdout: JSON `{"waits": [seconds until each answer, …], "refused": [statuses that are no success, …]}`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from typing import Any

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class _Connection(asyncio.Protocol):
    """One request after another, until the end."""

    def __init__(self, requests: Iterator[bytes], until: float, waits: list[float], refused: list[str]) -> None:
        self._requests = requests
        self._until = until
        self._waits = waits
        self._refused = refused
        self._received = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or len(body) < (int(length[1]) if length else 0):
            return
        now = time.perf_counter()
        self._waits.append(now - self._began)
        status = self._received[9:12].decode()
        if not status.startswith("2"):
            self._refused.append(status)
        self._received = b""
        if now < self._until:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self._received or time.perf_counter() < self._until:
            self._refused.append("cut")
        self.done.set_result(None)

    def _send(self) -> None:
        self._began = time.perf_counter()
        self._transport.write(next(self._requests))


async def main() -> None:
    order = json.load(sys.stdin)
    requests = cycle([base64.b64decode(request) for request in order["requests"]])
    until = time.perf_counter() + order["seconds"]
    waits: list[float] = []
    refused: list[str] = []
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: _Connection(requests, until, waits, refused), "127.0.0.1", order["port"])
        for _ in range(order["connections"])
    ]
    await asyncio.gather(*(connection.done for _, connection in opened))
    json.dump({"waits": waits, "refused": refused}, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
