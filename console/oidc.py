"""Signing in by OpenID Connect: authorization code with PKCE (RFC 7636, S256), state and nonce bound to the browser.

One random secret in a cookie of the browser yields state, nonce and code verifier, so nothing has to be stored.
https://openid.net/specs/openid-connect-core-1_0.html, https://openid.net/specs/openid-connect-discovery-1_0.html
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

import aiohttp
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

# Never `none`, and never a symmetric one: the client secret signs nothing.
ALGORITHMS: Final = ["RS256", "PS256", "ES256"]
# Seconds by which clocks may differ.
LEEWAY: Final = 60
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_ANSWER_LIMIT: Final = 256 * 1024
# Seconds: how long the provider's description and keys are believed, and how often an unknown key asks again.
_KEPT: Final = 3600.0
_REFRESH_AT_MOST: Final = 30.0


class Unavailable(Exception):
    """The provider cannot be reached, or describes itself wrongly."""


class Refused(Exception):
    """The provider's answer does not prove who this is."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says this is. `subject` is unique over all providers; the address was verified by it."""

    subject: str
    email: str


@dataclass(frozen=True, slots=True)
class Client:
    """What the provider knows us as. `label` is what people call it. Without a secret we are a public client."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    label: str


@dataclass(frozen=True, slots=True)
class _Provider:
    """The provider as it describes itself."""

    document: dict[str, Any]
    keys: KeySet
    fetched_at: float


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def is_ours(secret: str, state: str) -> bool:
    """Whether this answer belongs to the request that this browser made."""
    return hmac.compare_digest(_derived(secret, "state").encode(), state.encode("utf-8", "replace"))


class OpenIdConnect:
    """`redirect_uri` is registered with the provider, exactly so."""

    def __init__(self, http: aiohttp.ClientSession, client: Client, redirect_uri: str) -> None:
        self._http, self._client, self._redirect_uri = http, client, redirect_uri
        self._provider: _Provider | None = None
        self._lock = asyncio.Lock()

    @property
    def label(self) -> str:
        return self._client.label

    async def authorization_url(self, secret: str) -> str:
        """Where the browser goes. Raises Unavailable."""
        challenge = hashlib.sha256(_derived(secret, "verifier").encode()).digest()
        parameters = {
            "response_type": "code",
            "client_id": self._client.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": "openid email",
            "state": _derived(secret, "state"),
            "nonce": _derived(secret, "nonce"),
            "code_challenge": _base64url(challenge),
            "code_challenge_method": "S256",
        }
        endpoint = str((await self._described()).document["authorization_endpoint"])
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"

    async def identity(self, code: str, secret: str) -> Identity:
        """Exchanges the code and verifies the id token. Raises Unavailable, Refused."""
        provider = await self._described()
        answer = await self._exchange(provider, code, secret)
        claims = await self._verified(str(answer.get("id_token", "")))
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), _derived(secret, "nonce").encode()):
            raise Refused("nonce")
        email = claims.get("email")
        if claims.get("email_verified") is not True or not isinstance(email, str):
            raise Refused("email_verified")
        return Identity(f"{claims['iss']} {claims['sub']}", email)

    async def _verified(self, token: str) -> dict[str, Any]:
        try:
            decoded = jwt.decode(token, (await self._described()).keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            decoded = await self._decoded_with_fresh_keys(token)
        client = self._client
        registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": client.issuer},
            aud={"essential": True, "value": client.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            registry.validate(decoded.claims)
        except JoseError as error:
            raise Refused("claims") from error
        # OpenID Connect Core 3.1.3.7: where there are several audiences, the authorized party is us.
        if decoded.claims.get("azp", client.client_id) != client.client_id:
            raise Refused("azp")
        return decoded.claims

    async def _decoded_with_fresh_keys(self, token: str) -> jwt.Token:
        """The provider may have a new key since we asked."""
        try:
            return jwt.decode(token, (await self._described(fresh=True)).keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError) as error:
            raise Refused("signature") from error

    async def _exchange(self, provider: _Provider, code: str, secret: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": _derived(secret, "verifier"),
        }
        headers = {}
        client, document = self._client, provider.document
        if client.client_secret is None:
            form["client_id"] = client.client_id
        elif "client_secret_basic" in document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]):
            # RFC 6749, 2.3.1: both are form-encoded before they are joined.
            pair = f"{quote(client.client_id, safe='')}:{quote(client.client_secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": client.client_id, "client_secret": client.client_secret}
        return await self._ask("POST", document["token_endpoint"], data=form, headers=headers)

    async def _described(self, *, fresh: bool = False) -> _Provider:
        async with self._lock:
            known, now = self._provider, time.monotonic()
            if known is not None and now - known.fetched_at < (_REFRESH_AT_MOST if fresh else _KEPT):
                return known
            document = await self._ask("GET", f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration")
            if document.get("issuer") != self._client.issuer:
                raise Unavailable("the provider describes another issuer")
            try:
                keys = KeySet.import_key_set(await self._ask("GET", document["jwks_uri"]))  # type: ignore[arg-type]
                _ = document["authorization_endpoint"], document["token_endpoint"]
            except (KeyError, JoseError, ValueError, TypeError) as error:
                raise Unavailable("the provider's description is incomplete") from error
            self._provider = _Provider(document, keys, now)
            return self._provider

    async def _ask(self, method: str, url: str, **options: Any) -> dict[str, Any]:
        """Raises Refused for a refusal (4xx), Unavailable for everything else that is no JSON object."""
        try:
            async with self._http.request(method, url, allow_redirects=False, timeout=_TIMEOUT, **options) as response:
                if method == "POST" and 400 <= response.status < 500:
                    raise Refused("code")
                if response.status != 200:
                    raise Unavailable(f"status {response.status}")
                body = bytearray()
                async for chunk in response.content.iter_chunked(64 * 1024):
                    body += chunk
                    if len(body) > _ANSWER_LIMIT:
                        raise Unavailable("too long an answer")
            answer = json.loads(body)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Unavailable(type(error).__name__) from error
        if not isinstance(answer, dict):
            raise Unavailable("no JSON object")
        return answer


def _derived(secret: str, what: str) -> str:
    return _base64url(hmac.digest(secret.encode(), what.encode(), hashlib.sha256))


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
