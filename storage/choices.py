"""What a person can choose from in a form: destinations, users, clients, by name."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from storage.database import Session

# More than anybody scrolls through; a client beyond them is written out.
_MAX = 500


async def destinations(session: Session, tenant_id: UUID) -> list[Any]:
    """`id`, `name` and `active` of inbound defaults."""
    return await session.fetch(
        "select defaults_id as id, name, active from inbound_defaults where tenant_id = $1 order by name limit $2",
        tenant_id,
        _MAX,
    )


async def users(session: Session, tenant_id: UUID, *, also: str | UUID | None = None) -> list[Any]:
    """`id` and `name` of users who may sign in, and of the one who is chosen already."""
    return await session.fetch(
        """select user_id as id, name, email from users
            where tenant_id = $1 and (active or user_id::text = $3) order by name limit $2""",
        tenant_id,
        _MAX,
        str(also or ""),
    )


async def clients(session: Session, tenant_id: UUID) -> list[str]:
    """Names of clients."""
    rows = await session.fetch(
        "select name from clients where tenant_id = $1 order by lower(name) limit $2", tenant_id, _MAX
    )
    return [row["name"] for row in rows]


async def client_named(session: Session, tenant_id: UUID, name: str) -> UUID | None:
    """The one client of this name, or else of this alias, whatever its case; None for none and for several."""
    found = await session.fetch(
        """select client_id, 1 as rank from clients where tenant_id = $1 and lower(name) = lower($2)
           union all
           select client_id, 2 from client_aliases where tenant_id = $1 and alias = lower($2)
            order by rank limit 3""",
        tenant_id,
        name.strip(),
    )
    best = [row["client_id"] for row in found if row["rank"] == found[0]["rank"]]
    return best[0] if len(best) == 1 else None


async def names(session: Session, tenant_id: UUID, wanted: Collection[UUID]) -> dict[UUID, str]:
    """The names of inbound defaults, clients and users; what is gone is missing."""
    rows = await session.fetch(
        """select defaults_id as id, name from inbound_defaults where tenant_id = $1 and defaults_id = any($2)
           union all select client_id, name from clients where tenant_id = $1 and client_id = any($2)
           union all select user_id, name from users where tenant_id = $1 and user_id = any($2)""",
        tenant_id,
        list(wanted),
    )
    return {row["id"]: row["name"] for row in rows}
