"""The forms of a mailbox's setup: their fields to settings and secret, or what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args
from urllib.parse import urlsplit

from domain import imap_oauth
from domain.address import canonical
from domain.endpoints import Endpoints
from domain.inbound import Provider
from domain.standard_webhooks import new_secret

PROVIDERS: Final[tuple[Provider, ...]] = get_args(Provider)
# How a Gmail or Microsoft mailbox gives access: in its own right, or with a user's consent.
Grant = Literal["own", "consent"]
# How an IMAP mailbox is logged in to: with a password, or with OAuth tokens of one of these.
Way = Literal["password", "google", "microsoft", "other"]
WAYS: Final[tuple[Way, ...]] = get_args(Way)
_MOST = 20_000


class WrongForm(Exception):
    """`faults`: the key of a text by the name of its field."""

    def __init__(self, **faults: str) -> None:
        super().__init__(", ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Access:
    """How a mailbox is reached. `consent`: its user has still to agree."""

    settings: dict[str, Any]
    secret: dict[str, Any]
    consent: bool = False


def address(form: Mapping[str, Any]) -> tuple[str, Provider]:
    """A new mailbox's address and provider. Raises WrongForm."""
    typed, provider = canonical(_text(form, "address")), _text(form, "provider")
    faults = {}
    local, at, domain = typed.rpartition("@")
    if (
        not (local and at and "." in domain)
        or len(typed) > 320
        or any(c.isspace() or not c.isprintable() for c in typed)
    ):
        faults["address"] = "setup.wrong.address"
    if provider not in PROVIDERS:
        faults["provider"] = "setup.wrong.provider"
    if faults:
        raise WrongForm(**faults)
    return typed, provider  # type: ignore[return-value]


def access(provider: Provider, mailbox: str, form: Mapping[str, Any], endpoints: Endpoints) -> Access:
    """Raises WrongForm. Whether the source takes it, a worker finds out."""
    if provider == "imap":
        return _imap(mailbox, form, endpoints)
    if provider == "gmail":
        return _gmail(form)
    if provider == "microsoft":
        return _microsoft(mailbox, form)
    return Access({}, {"webhook_secret": new_secret()} if provider == "raw" else {})


def imap_way(settings: Mapping[str, Any], endpoints: Endpoints) -> Way:
    """The way that an IMAP mailbox's settings go."""
    client = settings.get("oauth")
    if settings.get("auth", "password") == "password" or not client:
        return "password"
    if client["token_url"] == endpoints.google_token:
        return "google"
    return "microsoft" if client["token_url"].startswith(f"{endpoints.microsoft_login}/") else "other"


def imap_fields(settings: Mapping[str, Any], endpoints: Endpoints) -> dict[str, Any]:
    """What the form of an IMAP mailbox's way shows of its settings."""
    client = settings.get("oauth") or {}
    fields = {**settings, **client, "mechanism": settings.get("auth")}
    fields["grant"] = "own" if client.get("grant") == "client_credentials" else "consent"
    if imap_way(settings, endpoints) == "microsoft":
        fields["directory"] = client["token_url"].removeprefix(f"{endpoints.microsoft_login}/").partition("/")[0]
    return fields


def _imap(mailbox: str, form: Mapping[str, Any], endpoints: Endpoints) -> Access:
    way = _text(form, "way") or "password"
    host, port, security = _text(form, "host"), _text(form, "port") or "993", _text(form, "security") or "tls"
    faults = {}
    if way not in WAYS:
        faults["way"] = "setup.wrong.choice"
    if not host or any(c in host for c in " /:@"):
        faults["host"] = "setup.wrong.host"
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        faults["port"] = "setup.wrong.port"
    if security not in ("tls", "starttls", "plaintext"):
        faults["security"] = "setup.wrong.choice"
    settings = {
        "host": host,
        "port": port,
        "security": security,
        "username": _text(form, "username") or mailbox,
        "folders": _words(form, "folders") or ["INBOX"],
    }
    if way == "password":
        password = str(form.get("password", ""))[:_MOST]
        if not password:
            faults["password"] = "setup.wrong.password"  # noqa: S105 (a key of the catalogue)
        login, secret, consent = {"auth": "password", "oauth": None}, {"password": password}, False
    else:
        login, secret, consent = _imap_tokens(way, form, endpoints, faults)
    if faults:
        raise WrongForm(**faults)
    return Access({**settings, "port": int(port), **login}, secret, consent=consent)


def _imap_tokens(
    way: str, form: Mapping[str, Any], endpoints: Endpoints, faults: dict[str, str]
) -> tuple[dict[str, Any], dict[str, Any], bool]:
    """Settings, secret and whether the user is asked, of a mailbox with tokens; adds to `faults`."""
    client_id, client_secret = _text(form, "client_id"), str(form.get("client_secret", "")).strip()[:_MOST]
    consent = way == "google" or _text(form, "grant") != "own"
    mechanism = _text(form, "mechanism") or "xoauth2"
    if not client_id:
        faults["client_id"] = "setup.wrong.client_id"
    if not client_secret and (way != "other" or not consent):
        faults["client_secret"] = "setup.wrong.client_secret"  # noqa: S105 (a key of the catalogue)
    if mechanism not in ("xoauth2", "oauthbearer"):
        faults["mechanism"] = "setup.wrong.choice"
    if way == "google":
        server = imap_oauth.google(endpoints)
    elif way == "microsoft":
        directory = _text(form, "directory")
        if not directory.isascii() or not directory.replace(".", "").replace("-", "").isalnum():
            faults["directory"] = "setup.wrong.directory"
        server = imap_oauth.microsoft(endpoints, directory, application=not consent)
    else:
        authorize_url, token_url = _text(form, "authorize_url") if consent else "", _text(form, "token_url")
        for name, url in (("token_url", token_url), ("authorize_url", authorize_url)):
            if not _encrypted(url) and (name == "token_url" or consent):
                faults[name] = "setup.wrong.https"
        server = imap_oauth.Server(authorize_url, token_url, _text(form, "scope"), "")
    client = server.client(client_id, "refresh_token" if consent else "client_credentials")
    # Tokens of before are for a server of before: no other may get them.
    secret = {"client_secret": client_secret, "refresh_token": None, "access_token": None, "expires_at": None}
    return {"auth": mechanism, "oauth": client}, secret, consent


def _encrypted(url: str) -> bool:
    """Whether a URL may carry secrets; loopback is for tests."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    secure = parts.scheme == "https" or (parts.scheme, parts.hostname) == ("http", "127.0.0.1")
    return secure and bool(parts.hostname) and not any(c.isspace() or not c.isprintable() for c in url)


def _gmail(form: Mapping[str, Any]) -> Access:
    document = _json(form, "key")
    settings: dict[str, Any] = {"labels": _words(form, "folders") or ["INBOX"]}
    for name in ("topic", "push_service_account"):
        if value := _text(form, name):
            settings[name] = value
    if document.get("type") == "service_account":
        parts = {name: document.get(name) for name in ("client_email", "private_key", "private_key_id")}
        if not all(parts.values()):
            raise WrongForm(key="setup.wrong.key")
        return Access(settings, {"kind": "service_account", **parts})
    client = document.get("web") or document.get("installed") or {}
    if not isinstance(client, dict) or not client.get("client_id") or not client.get("client_secret"):
        raise WrongForm(key="setup.wrong.key")
    return Access(
        settings,
        {"kind": "user", "client_id": client["client_id"], "client_secret": client["client_secret"]},
        consent=True,
    )


def _microsoft(mailbox: str, form: Mapping[str, Any]) -> Access:
    directory, client_id = _text(form, "directory"), _text(form, "client_id")
    client_secret = str(form.get("client_secret", "")).strip()[:_MOST]
    consent = _text(form, "grant") == "consent"
    faults = {
        name: f"setup.wrong.{name}"
        for name, value in (("directory", directory), ("client_id", client_id), ("client_secret", client_secret))
        if not value
    }
    if faults:
        raise WrongForm(**faults)
    settings = {
        "directory": directory,
        "user": _text(form, "username") or mailbox,
        "folders": _words(form, "folders") or ["inbox"],
        "notify": True,
    }
    kind = "user" if consent else "app"
    return Access(settings, {"kind": kind, "client_id": client_id, "client_secret": client_secret}, consent=consent)


def _json(form: Mapping[str, Any], name: str) -> dict[str, Any]:
    try:
        document = json.loads(str(form.get(name, ""))[:_MOST])
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise WrongForm(**{name: "setup.wrong.key"})
    return document


def _text(form: Mapping[str, Any], name: str) -> str:
    return str(form.get(name, "")).strip()[:512]


def _words(form: Mapping[str, Any], name: str) -> list[str]:
    return [word for part in str(form.get(name, ""))[:_MOST].split(",") if (word := part.strip())][:20]
