"""A mailbox tried step by step, for the person who sets it up: what works, what does not, and what to do about it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from providers.base import AuthFailed, Permanent, ProviderError
from providers.imap.connection import DEFAULT_TIMEOUTS, ImapConnection, Timeouts
from providers.imap.errors import FolderMissing
from providers.imap.idle import IdleReader
from providers.imap.network import resolve
from providers.imap.settings import Credentials, ImapSettings
from providers.imap.threads import call, connect_connection, run

_SHOWN_FOLDERS = 30
_IDLE_SECONDS = 0.1
_USED = frozenset({"ID", "IDLE", "NOTIFY"})


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the check.

    `name` is "address", "connection", "token" (with OAuth), "login", "capabilities", "folder" (each) or "idle".
    """

    name: str
    works: bool
    detail: str
    advice: str = ""


async def check(
    settings: ImapSettings,
    credentials: Credentials,
    *,
    allow_private: bool = False,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
) -> AsyncIterator[Step]:
    """Yields the steps as they are done, and ends after the first one without which the others make no sense."""
    executor = ThreadPoolExecutor(1, thread_name_prefix="imap-check")
    connection: ImapConnection | None = None
    try:
        try:
            addresses = await run(executor, resolve, settings.host, settings.port, allow_private=allow_private)
            yield Step("address", True, ", ".join(addresses))
        except ProviderError as error:
            yield Step("address", False, str(error), "Check the name of the mail server.")
            return
        try:
            connection = await connect_connection(executor, settings, allow_private=allow_private, timeouts=timeouts)
            yield Step("connection", True, f"{settings.security} on port {settings.port}")
        except ProviderError as error:
            yield Step("connection", False, str(error), _connection_advice(settings, error))
            return
        try:
            secret = await credentials.secret(refused=False)
        except ProviderError as error:
            yield Step("token", False, str(error), _token_advice(error))
            return
        if secret.expires_at is not None:
            yield Step("token", True, f"an access token until {secret.expires_at:%Y-%m-%d %H:%M} UTC")
        try:
            await call(executor, connection, connection.log_in, settings, secret.value)
            yield Step("login", True, f"as {settings.username}, with {settings.auth}")
        except ProviderError as error:
            yield Step("login", False, str(error), _login_advice(settings, error))
            return
        yield Step("capabilities", True, ", ".join(sorted(connection.capabilities & _USED)) or "none that are used")
        opened = False
        for name in settings.folders:
            step = await _folder(executor, connection, name)
            opened = opened or step.works
            yield step
        if opened:
            yield await _idle(connection, timeouts)
    finally:
        if connection is not None:
            connection.logout()
        executor.shutdown(wait=False, cancel_futures=True)


def _connection_advice(settings: ImapSettings, error: ProviderError) -> str:
    if "certificate" in str(error):
        return "Use the name that is in the certificate, or give the file of your own certificate authority."
    if isinstance(error, Permanent):
        return "Use implicit TLS (port 993), or a server that offers STARTTLS."
    usual = {"tls": 993, "starttls": 143, "plaintext": 143}[settings.security]
    return f"Check the port (usually {usual} for {settings.security}), the kind of security, and firewalls in between."


def _token_advice(error: ProviderError) -> str:
    if isinstance(error, AuthFailed):
        return "Connect the mailbox again, in the console or by `postroom mailbox add imap … --oauth …` (docs/imap.md)."
    return "Let this machine reach the token server, and try again."


def _login_advice(settings: ImapSettings, error: ProviderError) -> str:
    if not isinstance(error, AuthFailed):
        return "Try again later; the credentials were not refused."
    if settings.auth == "password":
        return "Check user name and password. Many providers want an app password, and IMAP switched on in the mailbox."
    return "Connect the mailbox again, and check that IMAP is allowed and that the scopes for it were granted."


async def _folder(executor: ThreadPoolExecutor, connection: ImapConnection, name: str) -> Step:
    try:
        folder = await call(executor, connection, connection.examine, name)
        return Step("folder", True, f"{folder.name} (UIDVALIDITY {folder.uidvalidity}, UIDNEXT {folder.uidnext})")
    except FolderMissing as error:
        names = await call(executor, connection, connection.folders)
        return Step("folder", False, f"{name}: {error}", "There are: " + ", ".join(names[:_SHOWN_FOLDERS]))
    except ProviderError as error:
        return Step("folder", False, f"{name}: {error}", "Try again; if it stays, ask who runs the mail server.")


async def _idle(connection: ImapConnection, timeouts: Timeouts) -> Step:
    polled = "Nothing has to be done: the mailbox is polled instead, and new mail takes up to a minute."
    if "IDLE" not in connection.capabilities:
        return Step("idle", False, "the server does not offer IDLE", polled)
    try:
        await IdleReader(connection, timeouts.read).wait(_IDLE_SECONDS)
    except ProviderError as error:
        return Step("idle", False, str(error), polled)
    return Step("idle", True, "new mail is announced at once")
