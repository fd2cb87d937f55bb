"""What the handlers work with: one object per process, made in `workers.web`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import quote, urlsplit
from uuid import UUID

from console.oidc import OpenIdConnect
from console.passwords import Passwords
from domain import reply_token
from domain.endpoints import Endpoints
from domain.runs import Runs
from storage.database import Database
from storage.objects import Objects
from storage.secrets import KeyRing


@dataclass(frozen=True, slots=True)
class Services:
    """`public_url` is where people reach the console; `keyring` seals secrets; `token_keys` are the reply token's."""

    db: Database
    objects: Objects
    runs: Runs
    keyring: KeyRing = field(repr=False)
    token_keys: Mapping[str, bytes] = field(repr=False)
    public_url: str
    endpoints: Endpoints = field(default_factory=Endpoints)
    temporal_ui_url: str = ""
    temporal_namespace: str = "default"
    passwords: Passwords = field(default_factory=Passwords)
    oidc: OpenIdConnect | None = None
    # Whose word about the caller's address counts.
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    # Asks the virus scanner for its version; without one, nothing is scanned.
    ask_scanner: Callable[[], Awaitable[str]] | None = None
    # How long an answer of the console may be taken back before it is delivered.
    undo_for: timedelta = timedelta(seconds=10)

    @property
    def secure(self) -> bool:
        """Whether people reach the console over TLS."""
        return urlsplit(self.public_url).scheme == "https"

    def run_url(self, workflow_id: str) -> str | None:
        """The run's page in the Temporal UI, which finds the latest run by itself."""
        if not self.temporal_ui_url:
            return None
        namespace, workflow = quote(self.temporal_namespace, safe=""), quote(workflow_id, safe="")
        return f"{self.temporal_ui_url.rstrip('/')}/namespaces/{namespace}/workflows/{workflow}"

    def reply_address(self, tenant_id: UUID, ticket_number: int, mailbox: str) -> str:
        """`local+TOKEN@domain`: mail to it lands on the ticket, whoever sends it."""
        local, _, domain = mailbox.rpartition("@")
        return f"{local}+{reply_token.mint(self.token_keys, tenant_id, ticket_number)}@{domain}"
