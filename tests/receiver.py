"""Somebody else's system: a server that takes events, checks their signatures, and answers what a test tells it to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from domain.standard_webhooks import claim, verify

Answer = Callable[[dict[str, Any]], web.Response]


@dataclass
class Receiver:
    """`taken`: the events it answered with success; `refused`: the others. Set `secret` before anything comes."""

    url: str = ""
    secret: str = ""
    answer: Answer = lambda event: web.Response()
    taken: list[dict[str, Any]] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        claimed = claim(request.headers)
        verify(claimed, [self.secret], body)
        event = {"id": claimed.webhook_id, **json.loads(body)}
        response = self.answer(event)
        (self.taken if response.status < 300 else self.refused).append(event)
        return response


@asynccontextmanager
async def open_receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    application = web.Application()
    application.router.add_post("/events", receiver._receive)
    server = TestServer(application, host="127.0.0.1")
    await server.start_server()
    receiver.url = str(server.make_url("/events"))
    try:
        yield receiver
    finally:
        await server.close()
