"""OAuth 2.0 tokens: asked for once at a time, kept until shortly before they end, rotated without loss.

RFC 6749 (grants), RFC 7523 (JWT assertions), RFC 7636 (PKCE).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlencode

import aiohttp

from providers import web
from providers.base import AuthFailed, RateLimited, Transient

# A token this close to its end is not used any more: the request it is for takes time, and clocks differ.
MARGIN = timedelta(minutes=5)
_ANSWER_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class AccessToken:
    """`expires_at` is aware. `refresh_token` where the server sent a new one; `scope` space-separated, "" if untold."""

    value: str = field(repr=False)
    expires_at: datetime
    refresh_token: str | None = field(default=None, repr=False)
    scope: str = ""

    @property
    def usable(self) -> bool:
        return datetime.now(UTC) + MARGIN < self.expires_at


class TokenSource(Protocol):
    """Where an API client gets its bearer token."""

    async def token(self, refused: str | None = None) -> str:
        """`refused` is a token that the API did not take, which is not handed out again.

        Raises AuthFailed when the credentials are dead, Transient or RateLimited when the token server is.
        """
        ...


class Minted:
    """Tokens that can be asked for at any time: a service account's, an application's."""

    def __init__(self, grant: Callable[[], Awaitable[AccessToken]]) -> None:
        self._grant = grant
        self._lock = asyncio.Lock()
        self._token: AccessToken | None = None

    async def token(self, refused: str | None = None) -> str:
        return (await self.access(refused)).value

    async def access(self, refused: str | None = None) -> AccessToken:
        """As `token`, with its end."""
        async with self._lock:
            if self._token is None or not self._token.usable or self._token.value == refused:
                self._token = await self._grant()
            return self._token


class Vault(Protocol):
    """The sealed secret of one mailbox."""

    def exclusive(self) -> AbstractAsyncContextManager[OpenVault]:
        """The secret, held against every other process; what was stored is durable once the context has ended."""
        ...


class OpenVault(Protocol):
    secret: Mapping[str, Any]

    async def store(self, secret: Mapping[str, Any]) -> None: ...


class Refreshed:
    """A user's consent. Several processes share the stored access token, and one of them at a time refreshes it.

    The vault's secret holds `refresh_token`, and `access_token` with `expires_at` (ISO 8601) once there was one.
    """

    def __init__(self, vault: Vault, grant: Callable[[Mapping[str, Any]], Awaitable[AccessToken]]) -> None:
        """`grant` gets the opened secret and exchanges its refresh token."""
        self._vault = vault
        self._grant = grant
        self._lock = asyncio.Lock()
        self._token: AccessToken | None = None

    async def token(self, refused: str | None = None) -> str:
        return (await self.access(refused)).value

    async def access(self, refused: str | None = None) -> AccessToken:
        """As `token`, with its end."""
        async with self._lock:
            if self._token is None or not self._token.usable or self._token.value == refused:
                self._token = await self._fresh(refused)
            return self._token

    async def _fresh(self, refused: str | None) -> AccessToken:
        async with self._vault.exclusive() as vault:
            stored = stored_token(vault.secret)
            if stored is not None and stored.usable and stored.value != refused:
                return stored  # another process was faster
            fresh = await self._grant(vault.secret)
            await vault.store(with_token(vault.secret, fresh))
            return fresh


def stored_token(secret: Mapping[str, Any]) -> AccessToken | None:
    """The access token of a mailbox's secret, if it holds one."""
    value, expires_at = secret.get("access_token"), secret.get("expires_at")
    if not isinstance(value, str) or not isinstance(expires_at, str):
        return None
    return AccessToken(value, datetime.fromisoformat(expires_at))


def with_token(secret: Mapping[str, Any], token: AccessToken) -> dict[str, Any]:
    """The secret with this access token, and its refresh token where the server rotated it (RFC 6749 section 6)."""
    return {
        **secret,
        "access_token": token.value,
        "expires_at": token.expires_at.isoformat(),
        "refresh_token": token.refresh_token or secret.get("refresh_token"),
    }


async def request_token(
    http: aiohttp.ClientSession, url: str, form: Mapping[str, str], explain: Callable[[Mapping[str, Any]], str]
) -> AccessToken:
    """One call of a token endpoint. `explain` turns its error document into a sentence without anything secret.

    Raises AuthFailed, RateLimited, Transient. Classified by status and `error`, never by the text for people.
    """
    async with (
        web.network("the token server"),
        http.post(url, data=dict(form), allow_redirects=False, timeout=aiohttp.ClientTimeout(total=30)) as response,
    ):
        answer = await web.read_json(response, _ANSWER_LIMIT)
        until = web.retry_after(response.headers.get("Retry-After"))
    if response.status == 429:
        raise RateLimited("the token server throttles", until)
    if not isinstance(answer, dict):
        raise Transient(f"the token server answered {response.status} without a document")
    if response.status == 200:
        return _granted(answer)
    error = answer.get("error")
    if response.status >= 500 or error in ("temporarily_unavailable", "server_error") or not isinstance(error, str):
        raise Transient(f"the token server answered {response.status}")
    raise AuthFailed(explain(answer))


def _granted(answer: Mapping[str, Any]) -> AccessToken:
    value, lifetime, refresh = answer.get("access_token"), answer.get("expires_in"), answer.get("refresh_token")
    if not isinstance(value, str) or not value:
        raise Transient("the token server's answer held no token")
    try:
        seconds = min(max(float(lifetime or 0), 0), 86_400)
    except (TypeError, ValueError):
        raise Transient("the token server's answer held no lifetime") from None
    return AccessToken(
        value,
        datetime.now(UTC) + timedelta(seconds=seconds),
        refresh if isinstance(refresh, str) and refresh else None,
        str(answer.get("scope", "")),
    )


@dataclass(frozen=True, slots=True)
class Consent:
    """One request for a user's consent: open `url`, and take what comes back only with the same `state`."""

    url: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)
    redirect_uri: str


def ask_consent(authorize_url: str, redirect_uri: str, parameters: Mapping[str, str]) -> Consent:
    """The authorization request of RFC 6749 section 4.1.1 with PKCE S256 (RFC 7636) and an unguessable state."""
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        **parameters,
        "response_type": "code",
        "redirect_uri": redirect_uri,
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return Consent(f"{authorize_url}?{urlencode(query)}", state, verifier, redirect_uri)
