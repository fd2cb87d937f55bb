"""Who may do what: four roles, each may do what those before it may."""

from __future__ import annotations

from storage.access import ROLES, Role


def may(role: Role, needed: Role) -> bool:
    return ROLES.index(role) >= ROLES.index(needed)
