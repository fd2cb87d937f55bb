"""An OAuth token server (RFC 6749) whose access tokens a Dovecot accepts: rotates its grants, fails when told to."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from providers.imap.settings import OAuthClient

CLIENT_SECRET = "client-secret"


@dataclass
class TokenServer:
    """`accepted` is where access tokens go, with their user; `seconds` is how long each says that it lives."""

    accepted: dict[str, str]
    seconds: float = 3600
    url: str = ""
    grants: dict[str, str] = field(default_factory=dict)
    """Refresh tokens that are good, with their user."""
    asked: int = 0
    issued: int = 0
    unavailable: bool = False

    @property
    def client(self) -> OAuthClient:
        return OAuthClient(token_url=f"{self.url}/token", client_id="postroom", scope="imap")

    def grant(self, user: str) -> dict[str, Any]:
        """The secret of a mailbox after its user's consent."""
        token = secrets.token_urlsafe(24)
        self.grants[token] = user
        return {"client_secret": CLIENT_SECRET, "refresh_token": token}

    def revoke(self, user: str) -> None:
        """The user's grants and tokens are dead from now on."""
        for tokens in (self.grants, self.accepted):
            for token in [token for token, owner in tokens.items() if owner == user]:
                del tokens[token]

    async def authorize(self, request: web.Request) -> web.Response:
        """The user agrees at once; the code is as good as the grant that it is exchanged for."""
        query = request.query
        code = self.grant(query["login_hint"])["refresh_token"]
        raise web.HTTPFound(f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}")

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.asked += 1
        if self.unavailable:
            return web.json_response({"error": "temporarily_unavailable"}, status=503)
        if (form.get("client_id"), form.get("client_secret")) != ("postroom", CLIENT_SECRET):
            return web.json_response({"error": "invalid_client"}, status=401)
        presented = {"refresh_token": "refresh_token", "authorization_code": "code"}.get(
            str(form.get("grant_type")), ""
        )
        user = self.grants.pop(str(form.get(presented)), None)
        if user is None:
            return web.json_response({"error": "invalid_grant"}, status=400)
        self.issued += 1
        access, refresh = f"access-{self.issued}-{secrets.token_urlsafe(8)}", secrets.token_urlsafe(24)
        self.accepted[access], self.grants[refresh] = user, user
        return web.json_response({"access_token": access, "refresh_token": refresh, "expires_in": self.seconds})


@asynccontextmanager
async def token_server(accepted: dict[str, str]) -> AsyncIterator[TokenServer]:
    """On a loopback port of its own; a refresh token is good once."""
    server = TokenServer(accepted)
    application = web.Application()
    application.add_routes([web.post("/token", server.token), web.get("/authorize", server.authorize)])
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()
