"""`postroom mailbox add gmail|microsoft`: credentials from files or by consent, checked before they are kept.

docs/gmail.md and docs/microsoft365.md tell what has to exist at Google and at Microsoft before.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
from pydantic import ValidationError
from temporalio.service import RPCError

from domain.inbound import Provider
from domain.runs import NotRunning
from providers import web
from providers.base import ProviderError
from providers.gmail import auth as gmail_auth
from providers.gmail.settings import GmailSettings
from providers.microsoft import auth as microsoft_auth
from providers.microsoft.settings import MicrosoftSettings
from storage import mailbox_admin, mailboxes
from storage.database import Database
from storage.secrets import KeyRing
from workers import consent
from workers.admin import CLI, AdminError
from workers.settings import Settings
from workers.temporal import TemporalRuns, lazy_client
from workflows import names


async def add_gmail(args: argparse.Namespace, settings: Settings, db: Database, tenant_id: UUID) -> UUID:
    """Raises AdminError, with what to do, for whatever does not hold."""
    address = args.address.lower()
    wanted = {
        "labels": args.label or ["INBOX"],
        "since": args.since,
        "topic": args.topic,
        "push_service_account": args.push_service_account,
        "push_audience": args.push_audience,
        "subscription": args.subscription,
        **({"units_per_minute": args.units_per_minute} if args.units_per_minute else {}),
        **({"units_per_message": args.units_per_message} if args.units_per_message else {}),
    }
    valid = _valid(GmailSettings, wanted)
    if bool(args.key_file) == bool(args.client_file):
        raise AdminError("A Gmail mailbox needs either --key-file or --client-file.")
    async with web.new_session() as http:
        if args.key_file:
            secret = _service_account(args.key_file)
            tokens = gmail_auth.token_source(http, settings.endpoints, address, secret, _NoVault())
            await _try(gmail_auth.check_owner(http, settings.endpoints, await _try(tokens.token()), address))
        else:
            secret = await _google_consent(http, settings, args.client_file, address, sends=bool(args.canary_minutes))
        if args.pull_key_file:
            secret["puller"] = _service_account(args.pull_key_file)
        if args.subscription:
            await _try(gmail_auth.pull_tokens(http, settings.endpoints, secret).token())
    mailbox_id = await keep(db, settings, tenant_id, "gmail", address, valid, secret)
    await set_canary(args, db, tenant_id, mailbox_id)
    return mailbox_id


async def add_microsoft(args: argparse.Namespace, settings: Settings, db: Database, tenant_id: UUID) -> UUID:
    """Raises AdminError, with what to do, for whatever does not hold."""
    address = args.address.lower()
    if not args.directory or not args.client_id:
        raise AdminError("A Microsoft 365 mailbox needs --directory and --client-id.")
    wanted = {
        "directory": args.directory,
        "user": args.user or address,
        "folders": args.folder or ["inbox"],
        "since": args.since,
        "notify": not args.no_notify,
    }
    valid = _valid(MicrosoftSettings, wanted)
    secret = _application(args)
    async with web.new_session() as http:
        if args.consent:
            secret |= {"sends": True} if args.canary_minutes else {}
            secret, user = await _microsoft_consent(http, settings, args.directory, secret, args.user or address)
            valid["user"] = user
        else:
            tokens = microsoft_auth.token_source(http, settings.endpoints, args.directory, secret, _NoVault())
            await _try(tokens.token())
    mailbox_id = await keep(db, settings, tenant_id, "microsoft", address, valid, secret)
    await set_canary(args, db, tenant_id, mailbox_id)
    return mailbox_id


async def set_canary(args: argparse.Namespace, db: Database, tenant_id: UUID, mailbox_id: UUID) -> None:
    """Whether the mailbox sends itself a mail now and then, and for IMAP by which server. Raises AdminError."""
    if not args.canary_minutes:
        return
    wanted: dict[str, Any] = {"canary_minutes": args.canary_minutes}
    if args.provider == "imap":
        if not args.submission_host:
            raise AdminError("The delivery check of an IMAP mailbox needs --submission-host.")
        wanted["submission"] = {
            "host": args.submission_host,
            "port": args.submission_port,
            "security": args.submission_security,
        }
    async with db.tenant(tenant_id) as session:
        await mailbox_admin.add_settings(session, tenant_id, mailbox_id, wanted, actor=CLI)


async def keep(
    db: Database,
    settings: Settings,
    tenant_id: UUID,
    provider: Provider,
    address: str,
    valid: dict[str, Any],
    secret: Mapping[str, Any],
) -> UUID:
    """Stores settings and sealed secret; a mailbox that is there already is connected again."""
    keyring = KeyRing(settings.master_keys.get_secret_value())
    async with db.tenant(tenant_id) as session:
        added = await mailbox_admin.add(session, tenant_id, address, provider, actor=CLI)
        if added.provider != provider:
            raise AdminError(f"{address} is already registered as a mailbox of the kind {added.provider}.")
        sealed = keyring.seal(
            json.dumps(dict(secret)).encode(), tenant_id=tenant_id, table="mailboxes", row=str(added.mailbox_id)
        )
        await mailbox_admin.connect(session, tenant_id, added.mailbox_id, valid, sealed, actor=CLI)
        if not added.created:
            await mailboxes.set_state(session, tenant_id, added.mailbox_id, "active")
    if not added.created:
        # Without a running workflow, or Temporal, the next sync finds the new credentials all the same.
        with contextlib.suppress(NotRunning, RPCError, RuntimeError):
            await TemporalRuns(await lazy_client()).change_mailbox(added.mailbox_id, names.CREDENTIALS_CHANGED)
    return added.mailbox_id


async def _google_consent(
    http: aiohttp.ClientSession, settings: Settings, client_file: str, address: str, *, sends: bool
) -> dict[str, Any]:
    document = _json(client_file)
    client = document.get("installed") or document.get("web") or {}
    client_id, client_secret = client.get("client_id"), client.get("client_secret")
    if not client_id or not client_secret:
        raise AdminError(f"{client_file} is not the JSON of an OAuth client.")
    async with consent.callback() as waiting:
        asked = gmail_auth.consent(settings.endpoints, client_id, waiting.redirect_uri, address, sends=sends)
        code = await _try(waiting.code(asked, show))
    token = await _try(gmail_auth.redeem(http, settings.endpoints, client_id, client_secret, asked, code))
    await _try(gmail_auth.check_owner(http, settings.endpoints, token.value, address))
    return {
        "kind": "user",
        "client_id": client_id,
        "client_secret": client_secret,
        "refresh_token": token.refresh_token,
    }


async def _microsoft_consent(
    http: aiohttp.ClientSession, settings: Settings, directory: str, application: dict[str, Any], user: str
) -> tuple[dict[str, Any], str]:
    """The mailbox's secret, and the object id of the user who agreed, who must be `user`."""
    async with consent.callback() as waiting:
        asked = microsoft_auth.consent(
            settings.endpoints,
            directory,
            application["client_id"],
            waiting.redirect_uri,
            user,
            sends=bool(application.get("sends")),
        )
        code = await _try(waiting.code(asked, show))
    token = await _try(microsoft_auth.redeem(http, settings.endpoints, directory, application, asked, code))
    user_id = await _try(microsoft_auth.check_owner(http, settings.endpoints, token, user))
    return {**application, "kind": "user", "refresh_token": token.refresh_token}, user_id


def _service_account(file: str) -> dict[str, Any]:
    document = _json(file)
    fields = ("client_email", "private_key", "private_key_id")
    if document.get("type") != "service_account" or not all(document.get(field) for field in fields):
        raise AdminError(f"{file} is not the JSON key of a service account.")
    return {"kind": "service_account", **{field: document[field] for field in fields}}


def _application(args: argparse.Namespace) -> dict[str, Any]:
    if args.certificate_file:
        pem = _text(args.certificate_file)
        # Both readers take the part that is theirs from the one file.
        return {"kind": "app", "client_id": args.client_id, "certificate": pem, "private_key": pem}
    if args.client_secret_file:
        secret = _text(args.client_secret_file).strip()
        return {"kind": "app", "client_id": args.client_id, "client_secret": secret}
    if args.consent:
        return {"kind": "app", "client_id": args.client_id}
    raise AdminError("A Microsoft 365 mailbox needs --client-secret-file, --certificate-file or --consent.")


def _valid(model: type[GmailSettings] | type[MicrosoftSettings], wanted: dict[str, Any]) -> dict[str, Any]:
    try:
        return model.model_validate(wanted).model_dump(mode="json")
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
        raise AdminError(f"These settings do not hold: {fields}.") from None


async def _try(attempt: Any) -> Any:
    """Awaits what may be refused, and says so to a person."""
    try:
        return await attempt
    except (ProviderError, consent.NoConsent) as error:
        raise AdminError(str(error)) from None


def show(url: str) -> None:
    print(f"Open this page as the mailbox's user, and agree:\n\n{url}\n", flush=True)


def _json(file: str) -> dict[str, Any]:
    try:
        document = json.loads(_text(file))
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise AdminError(f"{file} holds no JSON object.")
    return document


def _text(file: str) -> str:
    return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")


class _NoVault:
    """For credentials that are not kept yet and do not rotate."""

    def exclusive(self) -> Any:
        raise AssertionError("these credentials are not refreshed")
