"""A user's consent on this machine: the browser comes back to a loopback port (RFC 8252 section 7.3)."""

from __future__ import annotations

import asyncio
import hmac
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from providers.oauth import Consent

PATIENCE = 600.0
_DONE = "postroom may read this mailbox now. You can close this page and go back to the terminal.\n"
_REFUSED = "This answer does not belong to the request that postroom made, or access was refused.\n"


class NoConsent(Exception):
    """The user refused, or nobody came back in time; the text says which."""


class Callback:
    """Where the consent page sends the browser. Only an answer with the state of our own request counts."""

    def __init__(self, redirect_uri: str) -> None:
        self.redirect_uri = redirect_uri
        self._asked: Consent | None = None
        self._answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def code(self, consent: Consent, show: Callable[[str], None]) -> str:
        """Shows the page's address and waits for the code. Raises NoConsent."""
        self._asked = consent
        show(consent.url)
        try:
            return await asyncio.wait_for(self._answer, PATIENCE)
        except TimeoutError:
            raise NoConsent("Nobody agreed in time.") from None

    async def handle(self, request: web.Request) -> web.Response:
        state, code = request.query.get("state", ""), request.query.get("code", "")
        expected = self._asked.state if self._asked is not None else ""
        if not expected or not hmac.compare_digest(state.encode(), expected.encode()) or self._answer.done():
            return web.Response(text=_REFUSED, status=400)
        if not code:
            self._answer.set_exception(NoConsent("Access was refused on the consent page."))
            return web.Response(text=_REFUSED, status=400)
        self._answer.set_result(code)
        return web.Response(text=_DONE, headers={"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"})


@asynccontextmanager
async def callback() -> AsyncIterator[Callback]:
    """Listens on a free loopback port."""
    listener = socket.create_server(("127.0.0.1", 0))
    waiting = Callback(f"http://127.0.0.1:{listener.getsockname()[1]}/")
    application = web.Application()
    application.add_routes([web.get("/", waiting.handle)])
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    try:
        yield waiting
    finally:
        await runner.cleanup()
