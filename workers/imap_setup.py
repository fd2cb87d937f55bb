"""`postroom mailbox add imap`: with a password, or with OAuth. docs/imap.md tells what has to exist before."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from domain.imap_oauth import Server, google, microsoft
from providers.base import ProviderError
from providers.imap import oauth
from providers.imap.settings import ImapSettings, OAuthClient
from storage.database import Database
from workers import consent, mailbox_setup
from workers.admin import AdminError
from workers.settings import Settings


async def add(args: argparse.Namespace, settings: Settings, db: Database, tenant_id: UUID) -> UUID:
    """Raises AdminError, with what to do, for whatever does not hold."""
    address = args.address.lower()
    wanted: dict[str, Any] = {
        "port": args.port,
        "security": args.security,
        "username": args.username or address,
        "folders": args.folder or ["INBOX"],
        "since": args.since,
    }
    if args.oauth:
        if args.password_file:
            raise AdminError("An IMAP mailbox has either --password-file or --oauth.")
        access, secret = await _oauth(args, settings, wanted["username"])
        wanted |= access
    elif args.host and args.password_file:
        wanted["host"] = args.host
        secret = {"password": (await _text(args.password_file)).rstrip("\r\n")}
    else:
        raise AdminError("An IMAP mailbox needs --host and --password-file, or --oauth.")
    try:
        valid = ImapSettings.model_validate(wanted).model_dump(mode="json")
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
        raise AdminError(f"These settings do not hold: {fields}.") from None
    return await mailbox_setup.keep(db, settings, tenant_id, "imap", address, valid, secret)


async def _oauth(args: argparse.Namespace, settings: Settings, username: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings and secret after the user, or an administrator, has agreed."""
    server = _server(args, settings)
    client_id, client_secret = await _client(args)
    client = server.client(client_id, "client_credentials" if args.application else "refresh_token")
    access = {"host": args.host or server.host, "auth": args.oauth_mechanism, "oauth": client}
    if args.application:
        return access, {"client_secret": client_secret}
    refresh_token = await _consented(settings, client, client_secret, username)
    return access, {"client_secret": client_secret, "refresh_token": refresh_token}


def _server(args: argparse.Namespace, settings: Settings) -> Server:
    if args.oauth == "google":
        if args.application:
            raise AdminError("Google gives an application no tokens for IMAP: leave --application out.")
        return google(settings.endpoints)
    if args.oauth == "microsoft":
        if not args.directory:
            raise AdminError("--oauth microsoft needs --directory.")
        return microsoft(settings.endpoints, args.directory, application=args.application)
    if not (args.host and args.token_url and (args.authorize_url or args.application)):
        raise AdminError("--oauth other needs --host, --token-url, and --authorize-url or --application.")
    return Server(args.authorize_url or "", args.token_url, args.scope or "", args.host)


async def _client(args: argparse.Namespace) -> tuple[str, str]:
    if args.client_file:
        try:
            document = json.loads(await _text(args.client_file))
            client = document.get("installed") or document["web"]
            return str(client["client_id"]), str(client["client_secret"])
        except (ValueError, KeyError, AttributeError, TypeError):
            raise AdminError(f"{args.client_file} is not the JSON of an OAuth client.") from None
    if not args.client_id:
        raise AdminError("--oauth needs --client-file, or --client-id and, where the client has one, its secret.")
    secret = (await _text(args.client_secret_file)).strip() if args.client_secret_file else ""
    if args.application and not secret:
        raise AdminError("--application needs --client-secret-file.")
    return args.client_id, secret


async def _consented(settings: Settings, client: dict[str, Any], client_secret: str, username: str) -> str | None:
    try:
        known = OAuthClient.model_validate(client)
    except ValidationError:
        raise AdminError("--token-url and --authorize-url have to be https:// URLs.") from None
    try:
        async with consent.callback() as waiting:
            asked = oauth.consent(known, waiting.redirect_uri, username)
            code = await waiting.code(asked, mailbox_setup.show)
        allow_private = settings.allow_private_hosts
        token = await oauth.redeem(known, client_secret, asked, code, allow_private=allow_private)
    except (ProviderError, consent.NoConsent) as error:
        raise AdminError(str(error)) from None
    return token.refresh_token


async def _text(file: str) -> str:
    return sys.stdin.read() if file == "-" else await asyncio.to_thread(Path(file).read_text, "utf-8")
