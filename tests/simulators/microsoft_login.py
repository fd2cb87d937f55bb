"""Microsoft's token endpoint and consent page, for one directory."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from urllib.parse import urlencode

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

# msal sends the whole certificate in the header.
_REGISTRY = jws.JWSRegistry(algorithms=["PS256"])
_REGISTRY.max_header_length = 16 * 1024

DIRECTORY = "0a1b2c3d-0000-4000-8000-00000000d1f0"


class MicrosoftLogin:
    """Access tokens know whose they are: a user's name, or "" for the application's own."""

    def __init__(self) -> None:
        self.base_url = ""
        self.client_id = "5e6f7a8b-0000-4000-8000-00000000a991"
        self.client_secret = secrets.token_urlsafe(24)
        self.certificate = ""
        self.token_seconds = 3600
        # Whether the permission Mail.Send was granted.
        self.may_send = False
        # Who is signed in at the browser; "" for whoever is asked for.
        self.consents_as = ""
        # Whether "Allow public client flows" is set: then users' grants need no secret.
        self.public = False
        self.issued = 0
        self.refresh_tokens: dict[str, str] = {}
        self._access: dict[str, tuple[str, float]] = {}
        self._codes: dict[str, dict[str, str]] = {}

    def routes(self) -> list[web.RouteDef]:
        root = f"/{DIRECTORY}"
        return [
            web.post(f"{root}/oauth2/v2.0/token", self._token),
            web.get(f"{root}/oauth2/v2.0/authorize", self._authorize),
            web.get(f"{root}/v2.0/.well-known/openid-configuration", self._configuration),
        ]

    def holder(self, authorization: str) -> str | None:
        """Whose token this is; None for one that is not good (any more)."""
        holder, expires = self._access.get(authorization.removeprefix("Bearer "), ("", 0.0))
        return holder if expires > time.time() else None

    @property
    def tokens(self) -> list[str]:
        """Every access token that was issued and not forgotten."""
        return list(self._access)

    def grant(self, user: str) -> str:
        token = "0.A" + secrets.token_urlsafe(48)
        self.refresh_tokens[token] = user
        return token

    def forget_access_tokens(self) -> None:
        self._access.clear()

    def revoke(self) -> None:
        """Every grant, token and secret is dead from now on."""
        self.refresh_tokens.clear()
        self._access.clear()
        self.client_secret = secrets.token_urlsafe(24)

    async def _configuration(self, request: web.Request) -> web.Response:
        root = f"{self.base_url}/{DIRECTORY}"
        return web.json_response(
            {
                "issuer": f"{root}/v2.0",
                "token_endpoint": f"{root}/oauth2/v2.0/token",
                "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
            }
        )

    async def _authorize(self, request: web.Request) -> web.Response:
        """The user agrees at once."""
        query = request.query
        if query.get("client_id") != self.client_id or "offline_access" not in query.get("scope", ""):
            return web.Response(status=400)
        code = secrets.token_urlsafe(16)
        self._codes[code] = {
            "challenge": query["code_challenge"],
            "redirect_uri": query["redirect_uri"],
            "user": self.consents_as or query["login_hint"],
        }
        raise web.HTTPFound(f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}")

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        if form.get("client_id") != self.client_id:
            return _error("unauthorized_client", 700016)
        if (refusal := self._refusal(form)) is not None:
            return refusal
        match form.get("grant_type"):
            case "client_credentials" if form.get("scope", "").endswith("/.default"):
                return self._issue("")
            case "refresh_token":
                user = self.refresh_tokens.pop(form.get("refresh_token", ""), None)
                return self._issue(user, rotate=True) if user else _error("invalid_grant", 700082)
            case "authorization_code":
                return self._code(form)
        return _error("unsupported_grant_type", 70003)

    def _refusal(self, form: dict[str, str]) -> web.Response | None:
        if "client_assertion" in form:
            return None if self._signed(form["client_assertion"]) else _error("invalid_client", 700027)
        if self.public and "client_secret" not in form and form.get("grant_type") != "client_credentials":
            return None
        return None if form.get("client_secret") == self.client_secret else _error("invalid_client", 7000215)

    def _signed(self, assertion: str) -> bool:
        certificate = x509.load_pem_x509_certificate(self.certificate.encode())
        thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).rstrip(b"=").decode()
        public = certificate.public_key()
        assert isinstance(public, RSAPublicKey)
        key = RSAKey.import_key(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        try:
            header = jws.extract_compact(assertion.encode(), registry=_REGISTRY).headers()
            claims = jwt.decode(assertion, key, algorithms=["PS256"], registry=_REGISTRY).claims
        except (JoseError, ValueError):
            return False
        audience = f"{self.base_url}/{DIRECTORY}/oauth2/v2.0/token"
        named = claims["iss"] == claims["sub"] == self.client_id and claims["aud"] == audience
        begun = claims.get("nbf", 0) - 60 < time.time() < claims["exp"]
        # msal leaves the padding on; Entra takes both.
        return named and begun and str(header.get("x5t#S256", "")).rstrip("=") == thumbprint

    def _code(self, form: dict[str, str]) -> web.Response:
        asked = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["challenge"] != challenge or asked["redirect_uri"] != form.get("redirect_uri"):
            return _error("invalid_grant", 70000)
        return self._issue(asked["user"], rotate=True)

    def _issue(self, user: str, *, rotate: bool = False) -> web.Response:
        self.issued += 1
        token = "eyJ0." + secrets.token_urlsafe(48)
        self._access[token] = (user, time.time() + self.token_seconds)
        answer = {"token_type": "Bearer", "expires_in": self.token_seconds, "access_token": token}
        return web.json_response({**answer, **({"refresh_token": self.grant(user)} if rotate else {})})


def _error(error: str, code: int) -> web.Response:
    body = {
        "error": error,
        "error_description": f"AADSTS{code}: a text about someone@example.com",
        "error_codes": [code],
        "trace_id": "0",
    }
    return web.Response(text=json.dumps(body), status=400 if code != 7000215 else 401, content_type="application/json")
