"""How an IMAP mailbox is reached; its secret is kept and passed separately."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Literal, Protocol
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from domain.imap_oauth import Grant


def _one_line(text: str) -> str:
    """Refuses control characters: a line break would start another IMAP command."""
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError("control characters are not allowed")
    return text


OneLine = Annotated[str, Field(min_length=1, max_length=512), AfterValidator(_one_line)]


def _encrypted(url: str) -> str:
    """Refuses a URL that would carry a client's secret in the clear; loopback is for tests."""
    parts = urlsplit(url)
    if parts.scheme != "https" and (parts.scheme, parts.hostname) != ("http", "127.0.0.1"):
        raise ValueError("an https:// URL is wanted")
    return url


class OAuthClient(BaseModel):
    """Where access tokens come from, and as whom they are asked for; its secrets are kept with the mailbox's secret.

    `grant`: "refresh_token" stands for a user's consent, "client_credentials" for an application's own right.
    `authorize_url` is where that user agrees, `extra` are more parameters of that page (`domain.imap_oauth.Server`).
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    token_url: Annotated[OneLine, AfterValidator(_encrypted)]
    client_id: OneLine
    scope: str = Field(default="", max_length=1000)
    grant: Grant = "refresh_token"
    authorize_url: Annotated[OneLine, AfterValidator(_encrypted)] | None = None
    extra: dict[str, str] = Field(default_factory=dict, max_length=20)


class ImapSettings(BaseModel):
    """`since`: None lists only what arrives from now on, a date also what the server received since then.

    `security`: "tls" is implicit TLS (port 993), "starttls" requires the upgrade, "plaintext" is for private networks.
    `ca_file`: PEM file of the authorities to trust instead of the system's. `oauth` is for all `auth` but "password".
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    host: OneLine
    port: int = Field(default=993, ge=1, le=65535)
    security: Literal["tls", "starttls", "plaintext"] = "tls"
    username: OneLine
    auth: Literal["password", "xoauth2", "oauthbearer"] = "password"
    folders: list[OneLine] = Field(default=["INBOX"], min_length=1, max_length=50)
    since: date | None = None
    ca_file: str | None = None
    oauth: OAuthClient | None = None


@dataclass(frozen=True, slots=True)
class Secret:
    """A password or an access token; `expires_at` (aware) is when the server will stop to honour it."""

    value: str = field(repr=False)
    expires_at: datetime | None = None


class Credentials(Protocol):
    """Where the secret comes from: a fixed password, or a source of OAuth access tokens."""

    async def secret(self, *, refused: bool) -> Secret:
        """The secret to log in with; `refused`: the server did not accept the previous one, so no cached token.

        Raises `AuthFailed` when there is none any more (a revoked grant), `Transient` when the source is down.
        """
        ...


@dataclass(frozen=True, slots=True)
class Password:
    """Credentials of a mailbox with a password or an app password."""

    value: str = field(repr=False)

    async def secret(self, *, refused: bool) -> Secret:
        return Secret(self.value)
