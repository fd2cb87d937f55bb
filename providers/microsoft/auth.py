"""Microsoft's tokens: an application's own, or a user's consent with refresh tokens that rotate.

learn.microsoft.com/entra/identity-platform: v2-oauth2-client-creds-grant-flow, v2-oauth2-auth-code-flow,
certificate-credentials.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import aiohttp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from domain.endpoints import Endpoints
from providers import web
from providers.base import AuthFailed
from providers.oauth import AccessToken, Consent, Minted, Refreshed, TokenSource, Vault, ask_consent, request_token

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS = 600

# What a person can do, by AADSTS code: learn.microsoft.com/entra/identity-platform/reference-error-codes.
_CODES = {
    7000215: "The client secret is wrong: its value is needed, not its id.",
    7000222: "The client secret has expired: make a new one in the app registration.",
    700027: "The certificate is not the one in the app registration.",
    700016: "The directory does not know this application: consent is missing, or the client id is wrong.",
    90002: "There is no such directory (tenant).",
    65001: "Consent is missing: an administrator has to grant it.",
    50173: "The user's password or sessions changed: connect the mailbox again.",
    700082: "The refresh token was not used for too long: connect the mailbox again.",
    50076: "Multi-factor authentication is required: connect the mailbox again.",
    50079: "Multi-factor authentication has to be set up for this user.",
    53003: "A Conditional Access policy blocks this sign-in.",
    50057: "The user account is disabled.",
}
_ERRORS = {
    "invalid_grant": "Microsoft refused the grant: connect the mailbox again.",
    "invalid_client": "Microsoft refused the application's credentials.",
    "unauthorized_client": "The application may not use this way of signing in.",
    "interaction_required": "Microsoft wants the user to sign in: connect the mailbox again.",
    "consent_required": "Consent is missing: an administrator has to grant it.",
}


def token_source(
    http: aiohttp.ClientSession, endpoints: Endpoints, directory: str, secret: Mapping[str, Any], vault: Vault
) -> TokenSource:
    """For a mailbox's opened secret, of the kind `app` or `user`. Raises AuthFailed for any other."""
    if secret.get("kind") == "app":
        return Minted(lambda: _for_application(http, endpoints, directory, secret))
    if secret.get("kind") == "user":
        return Refreshed(vault, lambda stored: _refresh(http, endpoints, directory, stored))
    raise AuthFailed("the mailbox has no Microsoft credentials")


def delegated_scope(endpoints: Endpoints, *, sends: bool = False) -> str:
    """`sends`: for a delivery canary, with which the mailbox sends itself a mail."""
    scope = f"offline_access {endpoints.graph}/Mail.Read {endpoints.graph}/User.Read"
    return f"{scope} {endpoints.graph}/Mail.Send" if sends else scope


def token_url(endpoints: Endpoints, directory: str) -> str:
    return f"{endpoints.microsoft_login}/{directory}/oauth2/v2.0/token"


def consent(
    endpoints: Endpoints, directory: str, client_id: str, redirect_uri: str, address: str, *, sends: bool = False
) -> Consent:
    """The page on which the mailbox's user agrees."""
    return ask_consent(
        f"{endpoints.microsoft_login}/{directory}/oauth2/v2.0/authorize",
        redirect_uri,
        {
            "client_id": client_id,
            "scope": delegated_scope(endpoints, sends=sends),
            "login_hint": address,
            "response_mode": "query",
        },
    )


async def redeem(
    http: aiohttp.ClientSession,
    endpoints: Endpoints,
    directory: str,
    secret: Mapping[str, Any],
    consent: Consent,
    code: str,
) -> AccessToken:
    """Exchanges the code that came back; `secret` holds the application's own. Raises AuthFailed."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": consent.verifier,
        "redirect_uri": consent.redirect_uri,
        "scope": delegated_scope(endpoints, sends=bool(secret.get("sends"))),
        **_client(secret, token_url(endpoints, directory)),
    }
    token = await request_token(http, token_url(endpoints, directory), form, explain)
    if token.refresh_token is None:
        raise AuthFailed("Microsoft gave no lasting access: allow offline_access and connect again.")
    return token


async def check_owner(http: aiohttp.ClientSession, endpoints: Endpoints, token: AccessToken, user: str) -> str:
    """The object id of the user who agreed, which stays when names change.

    Raises AuthFailed when that is not `user` (an address, a sign-in name or an object id), or Transient.
    """
    headers = {"Authorization": f"Bearer {token.value}"}
    url = f"{endpoints.graph}/v1.0/me?$select=id,mail,userPrincipalName"
    async with web.network("Graph"), http.get(url, headers=headers, allow_redirects=False) as response:
        agreed = await web.read_json(response)
        if response.status != 200 or not isinstance(agreed, dict) or not isinstance(agreed.get("id"), str):
            raise AuthFailed("Graph does not tell who agreed: allow User.Read and connect again.")
    names = [str(agreed[name]) for name in ("mail", "userPrincipalName") if agreed.get(name)]
    if user.lower() not in {name.lower() for name in (*names, agreed["id"])}:
        raise AuthFailed(f"{', '.join(names)} agreed, not {user}: sign in as the mailbox's own user.")
    return str(agreed["id"])


def explain(answer: Mapping[str, Any]) -> str:
    """A sentence for a token endpoint's error document, by `error_codes` and `error`, never by its text."""
    codes = answer.get("error_codes")
    known = [_CODES[code] for code in codes if code in _CODES] if isinstance(codes, list) else []
    return known[0] if known else _ERRORS.get(str(answer.get("error")), "Microsoft refused the credentials.")


async def _for_application(
    http: aiohttp.ClientSession, endpoints: Endpoints, directory: str, secret: Mapping[str, Any]
) -> AccessToken:
    url = token_url(endpoints, directory)
    form = {"grant_type": "client_credentials", "scope": endpoints.graph_scope, **_client(secret, url)}
    return await request_token(http, url, form, explain)


async def _refresh(
    http: aiohttp.ClientSession, endpoints: Endpoints, directory: str, secret: Mapping[str, Any]
) -> AccessToken:
    # A refresh token belongs to the application that got it, so that one's id is kept beside it and used here.
    url = token_url(endpoints, directory)
    form = {
        "grant_type": "refresh_token",
        "refresh_token": str(secret.get("refresh_token", "")),
        "scope": delegated_scope(endpoints, sends=bool(secret.get("sends"))),
        **_client(secret, url),
    }
    return await request_token(http, url, form, explain)


def _client(secret: Mapping[str, Any], audience: str) -> dict[str, str]:
    """How the application shows who it is: certificate, secret, or as a public client not at all."""
    client_id = str(secret.get("client_id", ""))
    if "certificate" in secret:
        return {
            "client_id": client_id,
            "client_assertion_type": _ASSERTION,
            "client_assertion": assertion(client_id, secret, audience),
        }
    if secret.get("client_secret"):
        return {"client_id": client_id, "client_secret": str(secret["client_secret"])}
    return {"client_id": client_id}


def assertion(client_id: str, secret: Mapping[str, Any], audience: str, *, now: float | None = None) -> str:
    """The application's claim to be itself, signed with the key of its certificate (both PEM). Raises AuthFailed."""
    issued = int(time.time() if now is None else now)
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "jti": str(uuid4()),
        "nbf": issued,
        "iat": issued,
        "exp": issued + _ASSERTION_SECONDS,
    }
    try:
        digest = x509.load_pem_x509_certificate(secret["certificate"].encode()).fingerprint(hashes.SHA256())
        thumbprint = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        key = RSAKey.import_key(secret["private_key"])
        header = {"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint}
        return jwt.encode(header, claims, key, algorithms=["PS256"])
    except (JoseError, KeyError, ValueError, TypeError, binascii.Error):
        raise AuthFailed("the application's certificate or key cannot be used") from None
