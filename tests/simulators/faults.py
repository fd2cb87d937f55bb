"""Faults on command, for HTTP simulators: the next matching requests get the answer a test has prepared."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware


@dataclass
class Fault:
    """`path` is part of the request's "METHOD /path"; `times` None is for ever."""

    path: str
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    times: int | None = 1


@dataclass
class Faults:
    """`requests` lists every request as "METHOD /path"; `hold` keeps matching ones waiting until it is released.

    `waiting` is how many are held now, `most_waiting` how many there were at most.
    """

    requests: list[str] = field(default_factory=list)
    waiting: int = 0
    most_waiting: int = 0
    _prepared: list[Fault] = field(default_factory=list)
    _held: dict[str, asyncio.Event] = field(default_factory=dict)

    def answer(
        self, path: str, status: int, body: Any = None, headers: dict[str, str] | None = None, times: int | None = 1
    ) -> None:
        self._prepared.append(Fault(path, status, body, headers or {}, times))

    def heal(self) -> None:
        """From now on everything works again."""
        self._prepared.clear()
        for event in self._held.values():
            event.set()
        self._held.clear()

    def hold(self, path: str) -> asyncio.Event:
        """Matching requests wait until the returned event is set."""
        self._held[path] = asyncio.Event()
        return self._held[path]

    def count(self, path: str) -> int:
        return sum(path in request for request in self.requests)

    @property
    def middleware(self) -> Middleware:
        @web.middleware
        async def faulty(request: web.Request, handler: Handler) -> web.StreamResponse:
            name = f"{request.method} {request.path}"
            self.requests.append(name)
            for path, released in list(self._held.items()):
                if path in name:
                    self.waiting += 1
                    self.most_waiting = max(self.most_waiting, self.waiting)
                    await released.wait()
                    self.waiting -= 1
            for fault in self._prepared:
                if fault.path in name and fault.times != 0:
                    if fault.times is not None:
                        fault.times -= 1
                    return web.json_response(fault.body, status=fault.status, headers=fault.headers)
            return await handler(request)

        return faulty
