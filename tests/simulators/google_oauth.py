"""Google's token endpoint, consent page and signing keys."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

TOKEN_SECONDS = 3600


class GoogleOAuth:
    """Access tokens know their user; `scopes` are what a consent grants, and what delegation covers."""

    def __init__(self) -> None:
        self.base_url = ""
        self.client_id = "1234.apps.googleusercontent.example"
        self.client_secret = secrets.token_urlsafe(24)
        self.token_seconds = TOKEN_SECONDS
        self.granted_scopes = "https://www.googleapis.com/auth/gmail.readonly"
        self.delegated_scopes = {"https://www.googleapis.com/auth/gmail.readonly"}
        self.rotates = False
        # Who is signed in at the browser; "" for whoever is asked for.
        self.consents_as = ""
        self.max_age = 3600
        self.signing = RSAKey.generate_key(2048, {"kid": "push-1", "use": "sig", "alg": "RS256"}, private=True)
        self._service_account = RSAKey.generate_key(2048, {"kid": "sa-1"}, private=True)
        self._codes: dict[str, dict[str, str]] = {}
        self.refresh_tokens: dict[str, str] = {}
        self._access: dict[str, tuple[str, float]] = {}
        self._scopes: dict[str, str] = {}
        self.issued = 0

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/o/oauth2/v2/auth", self._consent),
            web.post("/token", self._token),
            web.get("/oauth2/v3/certs", self._certs),
        ]

    def service_account_key(self) -> dict[str, str]:
        """The JSON key file of a service account with domain-wide delegation."""
        return {
            "type": "service_account",
            "client_email": "reader@postroom-test.iam.gserviceaccount.example",
            "private_key_id": "sa-1",
            "private_key": self._service_account.as_pem(private=True).decode(),
            "token_uri": f"{self.base_url}/token",
        }

    def rotate_keys(self) -> None:
        number = int(str(self.signing.kid).rpartition("-")[2]) + 1
        self.signing = RSAKey.generate_key(2048, {"kid": f"push-{number}", "use": "sig", "alg": "RS256"}, private=True)

    def push_token(self, **claims: Any) -> str:
        """An OIDC token as Pub/Sub attaches it; `claims` are laid over the usual ones."""
        now = int(time.time())
        usual = {"iss": "https://accounts.google.com", "iat": now, "exp": now + 3600, "email_verified": True}
        return jwt.encode({"alg": "RS256", "kid": str(self.signing.kid)}, {**usual, **claims}, self.signing)

    def revoke(self) -> None:
        """Every grant and every token is dead from now on."""
        self.refresh_tokens.clear()
        self._access.clear()
        self.delegated_scopes = set()

    def forget_access_tokens(self) -> None:
        """Every access token is refused from now on, though it has not ended; the grants stand."""
        self._access.clear()

    def user_of(self, authorization: str) -> str | None:
        """The user of a bearer token that is still good."""
        user, expires = self._access.get(authorization.removeprefix("Bearer "), ("", 0.0))
        return user if expires > time.time() else None

    def may_send(self, authorization: str) -> bool:
        scopes = self._scopes.get(authorization.removeprefix("Bearer "), "").split()
        return "https://www.googleapis.com/auth/gmail.send" in scopes

    def may_pull(self, authorization: str) -> bool:
        """Whether the token is the service account's own, for Pub/Sub."""
        return (self.user_of(authorization) or "").endswith(" https://www.googleapis.com/auth/pubsub")

    @property
    def tokens(self) -> list[str]:
        """Every access token that was issued and not forgotten."""
        return list(self._access)

    def grant(self, user: str) -> str:
        """A refresh token, as after a consent."""
        token = "1//" + secrets.token_urlsafe(32)
        self.refresh_tokens[token] = user
        return token

    async def _consent(self, request: web.Request) -> web.Response:
        """The user agrees at once."""
        query = request.query
        if query.get("client_id") != self.client_id or query.get("response_type") != "code":
            return web.Response(status=400, text="invalid_request")
        code = secrets.token_urlsafe(16)
        self._codes[code] = {
            "challenge": query["code_challenge"],
            "redirect_uri": query["redirect_uri"],
            "user": self.consents_as or query["login_hint"],
            "offline": query.get("access_type", ""),
        }
        answer = urlencode({"code": code, "state": query["state"], "scope": self.granted_scopes})
        raise web.HTTPFound(f"{query['redirect_uri']}?{answer}")

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        kind = form.get("grant_type")
        if kind == "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return self._assertion(form.get("assertion", ""))
        if form.get("client_id") != self.client_id or form.get("client_secret") != self.client_secret:
            return _error("invalid_client", 401)
        if kind == "refresh_token":
            return self._refresh(form.get("refresh_token", ""))
        if kind == "authorization_code":
            return self._code(form)
        return _error("unsupported_grant_type")

    def _assertion(self, assertion: str) -> web.Response:
        try:
            public = RSAKey.import_key(self._service_account.as_dict(private=False))
            claims = jwt.decode(assertion, public, algorithms=["RS256"]).claims
            kid = jws.extract_compact(assertion.encode()).headers().get("kid")
        except (JoseError, ValueError):
            return _error("invalid_grant")
        fresh = claims["iat"] <= time.time() + 60 and time.time() < claims["exp"] <= claims["iat"] + 3600
        if kid != "sa-1" or claims["aud"] != "https://oauth2.googleapis.com/token" or not fresh:
            return _error("invalid_grant")
        if "sub" not in claims:
            # As itself: what it may do is for the resource to say, not for delegation.
            return self._issue(f"{claims['iss']} {claims['scope']}")
        if not set(claims["scope"].split()) <= self.delegated_scopes:
            return _error("unauthorized_client", 401)
        return self._issue(claims["sub"], scope=claims["scope"])

    def _refresh(self, token: str) -> web.Response:
        user = self.refresh_tokens.get(token)
        if user is None:
            return _error("invalid_grant")
        if not self.rotates:
            return self._issue(user)
        del self.refresh_tokens[token]
        return self._issue(user, refresh_token=self.grant(user))

    def _code(self, form: dict[str, str]) -> web.Response:
        asked = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["challenge"] != challenge or asked["redirect_uri"] != form.get("redirect_uri"):
            return _error("invalid_grant")
        more = {"refresh_token": self.grant(asked["user"])} if asked["offline"] == "offline" else {}
        return self._issue(asked["user"], **more)

    def _issue(self, user: str, *, scope: str = "", **more: str) -> web.Response:
        self.issued += 1
        token = "ya29." + secrets.token_urlsafe(32)
        self._access[token] = (user, time.time() + self.token_seconds)
        self._scopes[token] = scope or self.granted_scopes
        answer = {"access_token": token, "expires_in": self.token_seconds, "token_type": "Bearer"}
        return web.json_response({**answer, "scope": self.granted_scopes, **more})

    async def _certs(self, request: web.Request) -> web.Response:
        keys = [{**self.signing.as_dict(private=False), "alg": "RS256"}]
        return web.json_response({"keys": keys}, headers={"Cache-Control": f"public, max-age={self.max_age}"})


def _error(error: str, status: int = 400) -> web.Response:
    return web.json_response({"error": error, "error_description": f"{error} for someone@example.com"}, status=status)
