"""OAuth for IMAP: a user's consent, and access tokens as credentials; the same way with every RFC 6749 server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from providers import web
from providers.base import AuthFailed
from providers.imap import network
from providers.imap.settings import Credentials, ImapSettings, OAuthClient, Password, Secret
from providers.oauth import AccessToken, Consent, Minted, Refreshed, Vault, ask_consent, request_token

# What a person can do about each `error` of a token endpoint (RFC 6749, 5.2).
_EXPLANATIONS = {
    "invalid_grant": "The token server refused the grant: access was revoked, the password changed or the grant was "
    "not used for too long. Connect the mailbox again.",
    "invalid_client": "The token server does not know this client, or its secret is wrong or has expired.",
    "unauthorized_client": "This client may not ask for tokens in this way: an administrator has to allow it.",
    "invalid_scope": "The token server does not grant the scope for IMAP to this client.",
    "interaction_required": "The user has to sign in again: connect the mailbox again.",
    "consent_required": "Consent is missing: an administrator has to grant it.",
    "admin_policy_enforced": "An administrator's policy forbids this access.",
}


def consent(client: OAuthClient, redirect_uri: str, username: str) -> Consent:
    """The page on which the mailbox's user agrees. Raises AuthFailed where nobody is asked."""
    if client.grant != "refresh_token" or not client.authorize_url:
        raise AuthFailed("This mailbox asks nobody for consent.")
    asked = {"client_id": client.client_id, "scope": client.scope, "login_hint": username, **client.extra}
    return ask_consent(client.authorize_url, redirect_uri, asked)


async def redeem(
    client: OAuthClient, client_secret: str, consent: Consent, code: str, *, allow_private: bool = False
) -> AccessToken:
    """Exchanges the code that came back. Raises AuthFailed, also when there is no lasting access."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": consent.verifier,
        "redirect_uri": consent.redirect_uri,
        "client_id": client.client_id,
        "client_secret": client_secret,
    }
    token = await _request(client, form, allow_private=allow_private)
    if token.refresh_token is None:
        raise AuthFailed("The token server gave no lasting access: allow offline access and connect again.")
    return token


def credentials(
    settings: ImapSettings, secret: Mapping[str, Any], vault: Vault, *, allow_private: bool = False
) -> Credentials:
    """What a mailbox logs in with, by its settings and opened secret. Raises AuthFailed when that holds nothing."""
    if settings.auth == "password":
        if not secret.get("password"):
            raise AuthFailed("the mailbox has no password: connect it again")
        return Password(str(secret["password"]))
    client = settings.oauth
    if client is None:
        raise AuthFailed("the mailbox has no OAuth client: connect it again")
    if client.grant == "client_credentials":
        return AccessTokens(Minted(lambda: _grant(client, secret, allow_private=allow_private)))
    return AccessTokens(Refreshed(vault, lambda stored: _grant(client, stored, allow_private=allow_private)))


class AccessTokens:
    """`Credentials` whose secret is an access token."""

    def __init__(self, tokens: Minted | Refreshed) -> None:
        self._tokens = tokens
        self._given: str | None = None

    async def secret(self, *, refused: bool) -> Secret:
        token = await self._tokens.access(self._given if refused else None)
        self._given = token.value
        return Secret(token.value, token.expires_at)


async def _grant(client: OAuthClient, secret: Mapping[str, Any], *, allow_private: bool) -> AccessToken:
    form = {"grant_type": client.grant, "client_id": client.client_id, "scope": client.scope}
    if client.grant == "refresh_token":
        if not secret.get("refresh_token"):
            raise AuthFailed("The mailbox's user has not agreed yet: ask for consent.")
        form["refresh_token"] = str(secret["refresh_token"])
    form["client_secret"] = str(secret.get("client_secret", ""))
    return await _request(client, form, allow_private=allow_private)


async def _request(client: OAuthClient, form: Mapping[str, str], *, allow_private: bool) -> AccessToken:
    """Parameters without a value are left out. A tenant names the server: only what was checked is connected to."""
    parts = urlsplit(client.token_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = await asyncio.to_thread(network.resolve, parts.hostname or "", port, allow_private=allow_private)
    given = {name: value for name, value in form.items() if value}
    async with web.new_session(web.Pinned(addresses)) as http:
        return await request_token(http, client.token_url, given, explain)


def explain(answer: Mapping[str, Any]) -> str:
    """A sentence for a token endpoint's error document, by its `error`, never by its text."""
    return _EXPLANATIONS.get(str(answer.get("error", "")), "The token server refused the credentials.")
