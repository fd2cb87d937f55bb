"""A small OpenID provider: discovery, keys, codes bound to PKCE, id tokens that a test may bend."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, CLIENT_SECRET = "postroom", "s3cret & more"


@dataclass
class Provider:
    """`claims` replace what the next id token says; `sign` what signs it. `asked` counts requests by path."""

    issuer: str = ""
    email: str = "ann@example.com"
    subject: str = "subject-1"
    claims: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"}))
    published: list[RSAKey] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    away: bool = False

    def authorize(self, parameters: dict[str, str]) -> str:
        """What the browser carries back after the person has signed in: a code."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = parameters
        return code

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT_ID, "sub": self.subject, "iat": now, "exp": now + 300, "nonce": nonce,
            "email": self.email, "email_verified": True,
        }  # fmt: skip
        claims = {key: value for key, value in {**claims, **self.claims}.items() if value is not None}
        if self.algorithm == "none":
            head, body = (_part(part) for part in ({"alg": "none"}, claims))
            return f"{head}.{body}."
        if self.algorithm == "HS256":  # signed with the public key, as the confusion attack does
            signed = f"{_part({'alg': 'HS256', 'kid': 'k1'})}.{_part(claims)}"
            signature = hmac.digest(self.key.as_pem(private=False), signed.encode(), hashlib.sha256)
            return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
        return jwt.encode({"alg": self.algorithm, "kid": self.key.kid or ""}, claims, self.key)

    async def discovery(self, request: web.Request) -> web.Response:
        self.asked.append("discovery")
        if self.away:
            raise web.HTTPServiceUnavailable
        return web.json_response(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            }
        )

    async def keys(self, request: web.Request) -> web.Response:
        self.asked.append("keys")
        return web.json_response({"keys": [key.as_dict(private=False) for key in self.published]})

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        asked = self.codes.pop(str(form["code"]), None)
        expected = base64.b64encode(b"postroom:s3cret%20%26%20more").decode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(str(form["code_verifier"]).encode()).digest())
        good = (
            asked is not None
            and request.headers.get("Authorization") == f"Basic {expected}"
            and asked["redirect_uri"] == form["redirect_uri"]
            and asked["code_challenge_method"] == "S256"
            and asked["code_challenge"] == challenge.decode().rstrip("=")
        )
        if not good or asked is None:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response({"id_token": self.id_token(asked["nonce"]), "token_type": "Bearer"})


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    simulated = Provider()
    simulated.published.append(simulated.key)
    application = web.Application()
    application.router.add_get("/.well-known/openid-configuration", simulated.discovery)
    application.router.add_get("/keys", simulated.keys)
    application.router.add_post("/token", simulated.token)
    server = TestServer(application, host="127.0.0.1")
    await server.start_server()
    simulated.issuer = str(server.make_url("")).rstrip("/")
    yield simulated
    await server.close()


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
