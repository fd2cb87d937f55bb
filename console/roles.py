"""Who may do what: four roles, each may do what those before it may."""

from __future__ import annotations

from typing import Final

from storage.access import Role

ROLES: Final[tuple[Role, ...]] = ("viewer", "agent", "admin", "owner")


def may(role: Role, needed: Role) -> bool:
    return ROLES.index(role) >= ROLES.index(needed)
