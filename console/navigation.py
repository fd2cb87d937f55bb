"""The console's main navigation: each entry is shown to those who may open it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from console.roles import may
from storage.access import Role


@dataclass(frozen=True, slots=True)
class Entry:
    """`key` is its text in the catalogue; pages under `also` belong to it too. `apart`: it begins a group."""

    href: str
    key: str
    role: Role = "viewer"
    also: tuple[str, ...] = ()
    apart: bool = False

    def leads_to(self, path: str) -> bool:
        """Whether this page is the entry's own, or one below it."""
        return any(path == place or path.startswith(f"{place}/") for place in (self.href, *self.also))


NAVIGATION: Final[tuple[Entry, ...]] = (
    Entry("/", "nav.tasks", also=("/tasks",)),
    Entry("/tickets", "nav.tickets"),
    Entry("/find", "nav.find", also=("/emails",)),
    Entry("/mailboxes", "nav.mailboxes", also=("/oauth",), apart=True),
    Entry("/quarantine", "nav.quarantine"),
    Entry("/dashboard", "nav.dashboard"),
    Entry("/rules", "nav.rules", role="agent", also=("/rule-tester", "/rule-replays", "/rule-versions"), apart=True),
    Entry("/defaults", "nav.defaults", role="agent", also=("/policies", "/circuits")),
    Entry("/senders", "nav.senders", role="agent", also=("/clients", "/contacts")),
    Entry("/event-endpoints", "nav.events", role="admin"),
    Entry("/users", "nav.users", "admin", apart=True),
    Entry("/tokens", "nav.tokens", "admin"),
    Entry("/audit", "nav.audit", "admin"),
    Entry("/system", "nav.system", "admin"),
)


def entries(role: Role) -> list[Entry]:
    return [entry for entry in NAVIGATION if may(role, entry.role)]
