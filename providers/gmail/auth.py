"""Google's tokens: a service account that acts for a mailbox's user, or a user's own consent.

developers.google.com/identity/protocols/oauth2/service-account and …/oauth2/web-server.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import aiohttp
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from domain.endpoints import Endpoints
from providers import web
from providers.base import AuthFailed
from providers.oauth import AccessToken, Consent, Minted, Refreshed, TokenSource, Vault, ask_consent, request_token

SCOPE = "https://www.googleapis.com/auth/gmail.readonly"
# Only for a mailbox with a delivery canary, which sends itself a mail.
SEND_SCOPE = "https://www.googleapis.com/auth/gmail.send"
PUBSUB_SCOPE = "https://www.googleapis.com/auth/pubsub"
# Whichever host is asked: Google's own libraries name this audience, too.
AUDIENCE = "https://oauth2.googleapis.com/token"
_ASSERTION_SECONDS = 3600

# What a person can do about each `error` of the token endpoint.
_EXPLANATIONS = {
    "invalid_grant": "Google refused the grant: access was revoked, the password changed, or this machine's clock is "
    "wrong. Connect the mailbox again.",
    "unauthorized_client": "Google does not let this service account act for the mailbox: grant domain-wide delegation "
    f"for exactly {SCOPE}.",
    "invalid_client": "Google does not know this OAuth client, or its secret is wrong.",
    "admin_policy_enforced": "An administrator's policy forbids this access.",
    "access_denied": "Access was denied.",
    "invalid_scope": f"Google does not allow the scope {SCOPE} here.",
}


def token_source(
    http: aiohttp.ClientSession,
    endpoints: Endpoints,
    address: str,
    secret: Mapping[str, Any],
    vault: Vault,
    scope: str = SCOPE,
) -> TokenSource:
    """For a mailbox's opened secret, of the kind `service_account` or `user`. Raises AuthFailed for any other.

    `scope` is what a service account asks for; a user's token has what the user agreed to.
    """
    if secret.get("kind") == "service_account":
        return Minted(lambda: _for_service_account(http, endpoints, address, secret, scope))
    if secret.get("kind") == "user":
        return Refreshed(vault, lambda stored: _refresh(http, endpoints, stored))
    raise AuthFailed("the mailbox has no Google credentials")


def consent(endpoints: Endpoints, client_id: str, redirect_uri: str, address: str, *, sends: bool = False) -> Consent:
    """Where the mailbox's user agrees. `prompt=consent`: only a first consent gives a refresh token."""
    return ask_consent(
        endpoints.google_consent,
        redirect_uri,
        {
            "client_id": client_id,
            "scope": f"{SCOPE} {SEND_SCOPE}" if sends else SCOPE,
            "access_type": "offline",
            "prompt": "consent",
            "login_hint": address,
        },
    )


async def redeem(
    http: aiohttp.ClientSession,
    endpoints: Endpoints,
    client_id: str,
    client_secret: str,
    consent: Consent,
    code: str,
) -> AccessToken:
    """Exchanges the code that came back. Raises AuthFailed, also when the user unticked what postroom needs."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": consent.verifier,
        "redirect_uri": consent.redirect_uri,
        "client_id": client_id,
        "client_secret": client_secret,
    }
    token = await request_token(http, endpoints.google_token, form, explain)
    if SCOPE not in token.scope.split():
        raise AuthFailed("Reading mail was not allowed on the consent page: connect again and leave it ticked.")
    if token.refresh_token is None:
        raise AuthFailed("Google gave no lasting access: remove postroom from the account's connected apps, try again.")
    return token


async def check_owner(http: aiohttp.ClientSession, endpoints: Endpoints, token: str, address: str) -> None:
    """Raises AuthFailed when a fresh token opens no mailbox, or one of another address than this, or Transient.

    Gmail's own spelling is the one its notifications come with: an alias would never hear of them.
    """
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{endpoints.google_api}/gmail/v1/users/me/profile"
    async with web.network("Gmail"), http.get(url, headers=headers, allow_redirects=False) as response:
        profile = await web.read_json(response)
        if response.status != 200 or not isinstance(profile, dict):
            raise AuthFailed("The account has no Gmail mailbox that postroom may read.")
    agreed = str(profile.get("emailAddress", ""))
    if agreed.lower() != address.lower():
        raise AuthFailed(f"This access opens the mailbox of {agreed}, not {address}: connect it by its own address.")


def explain(answer: Mapping[str, Any]) -> str:
    """A sentence for a token endpoint's error document."""
    error = str(answer.get("error", ""))
    return _EXPLANATIONS.get(error, "Google refused the credentials.")


async def _for_service_account(
    http: aiohttp.ClientSession,
    endpoints: Endpoints,
    address: str | None,
    secret: Mapping[str, Any],
    scope: str = SCOPE,
) -> AccessToken:
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": assertion(secret, address, scope),
    }
    return await request_token(http, endpoints.google_token, form, explain)


def pull_tokens(http: aiohttp.ClientSession, endpoints: Endpoints, secret: Mapping[str, Any]) -> TokenSource:
    """For pulling from Pub/Sub as a service account itself. Raises AuthFailed for a secret without a key of one.

    That of the mailbox, or where its user agreed, the one that was given for pulling.
    """
    key = secret if secret.get("kind") == "service_account" else secret.get("puller")
    if not isinstance(key, Mapping):
        raise AuthFailed("pulling needs the key of a service account")
    return Minted(lambda: _for_service_account(http, endpoints, None, key, PUBSUB_SCOPE))


def assertion(secret: Mapping[str, Any], address: str | None, scope: str = SCOPE, *, now: float | None = None) -> str:
    """The service account's signed claim to act as `address`, or None as itself.

    Raises AuthFailed for a key that cannot sign.
    """
    issued = int(time.time() if now is None else now)
    claims = {
        "iss": secret["client_email"],
        **({"sub": address} if address else {}),
        "scope": scope,
        "aud": AUDIENCE,
        "iat": issued,
        "exp": issued + _ASSERTION_SECONDS,
    }
    try:
        key = RSAKey.import_key(secret["private_key"])
        return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": secret["private_key_id"]}, claims, key)
    except (JoseError, ValueError, TypeError):
        raise AuthFailed("the service account's private key cannot be used") from None


async def _refresh(http: aiohttp.ClientSession, endpoints: Endpoints, secret: Mapping[str, Any]) -> AccessToken:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": str(secret.get("refresh_token", "")),
        "client_id": str(secret.get("client_id", "")),
        "client_secret": str(secret.get("client_secret", "")),
    }
    return await request_token(http, endpoints.google_token, form, explain)
