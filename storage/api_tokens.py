"""API tokens: `pr_` and 256 random bits, of which the sha256 and the first characters are stored."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, get_args
from uuid import UUID

from storage import audit
from storage.access import token_hash
from storage.ledger import new_id

if TYPE_CHECKING:
    from storage.database import Database, Session

Scope = Literal["read", "write", "admin"]
# Each may do what those before it may.
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

PREFIX = "pr_"
# By how much of it people recognise a token.
SHOWN = 9


@dataclass(frozen=True, slots=True)
class ApiToken:
    """Which system calls; `name` is what its token was called when it was made."""

    tenant_id: UUID
    token_id: UUID
    name: str
    scope: Scope


async def create(
    session: Session,
    tenant_id: UUID,
    name: str,
    scope: Scope,
    *,
    actor: str,
    lifetime: timedelta | None = None,
) -> tuple[UUID, str]:
    """A new token's id and the token itself, shown this once. Without a lifetime it holds until it is revoked."""
    token, token_id = PREFIX + secrets.token_urlsafe(32), new_id()
    await session.execute(
        """insert into api_tokens (tenant_id, token_id, token_hash, name, scope, prefix, created_by, expires_at)
           values ($1, $2, $3, $4, $5, $6, $7, now() + $8::interval)""",
        tenant_id,
        token_id,
        token_hash(token),
        name,
        scope,
        token[:SHOWN],
        actor,
        lifetime,
    )
    await audit.record(
        session, tenant_id, actor, "add_token", f"token/{token_id}",
        {"name": name, "scope": scope, "days": lifetime.days if lifetime else None},
    )  # fmt: skip
    return token_id, token


_ROW = """token_id, name, scope, prefix, created_by, created_at, expires_at, last_used_at, revoked_at,
          coalesce(expires_at <= now(), false) as ended"""


async def page(session: Session, tenant_id: UUID, *, before: UUID | None, limit: int) -> list[Any]:
    """Tokens, the newest first; those that have ended, too. Their ids grow with time."""
    return await session.fetch(
        f"""select {_ROW} from api_tokens where tenant_id = $1 and ($2::uuid is null or token_id < $2)
             order by token_id desc limit $3""",  # noqa: S608
        tenant_id,
        before,
        limit,
    )


async def get(session: Session, tenant_id: UUID, token_id: UUID) -> Any:
    return await session.fetchrow(
        f"select {_ROW} from api_tokens where tenant_id = $1 and token_id = $2",  # noqa: S608
        tenant_id,
        token_id,
    )


async def revoke(session: Session, tenant_id: UUID, token_id: UUID, *, actor: str) -> None:
    """Ends a token at once; one that has ended stays as it is. Raises LookupError."""
    row = await session.fetchrow(
        """update api_tokens set expires_at = least(expires_at, now()), revoked_at = coalesce(revoked_at, now())
            where tenant_id = $1 and token_id = $2 returning name""",
        tenant_id,
        token_id,
    )
    if row is None:
        raise LookupError("no such token")
    await audit.record(session, tenant_id, actor, "revoke_token", f"token/{token_id}", {"name": row["name"]})


async def find(db: Database, token: str) -> ApiToken | None:
    """Whom this bearer token stands for; None when it is unknown or has ended."""
    async with db.directory() as connection:
        row = await connection.fetchrow("select * from directory_api_token($1)", token_hash(token))
    if row is None:
        return None
    async with db.tenant(row["tenant_id"]) as session:
        # Written at most once an hour: a request that reads is a read.
        await session.execute(
            """update api_tokens set last_used_at = now()
                where tenant_id = $1 and token_id = $2
                  and coalesce(last_used_at, '-infinity') < now() - interval '1 hour'""",
            row["tenant_id"],
            row["token_id"],
        )
        name = await session.fetchval(
            "select name from api_tokens where tenant_id = $1 and token_id = $2", row["tenant_id"], row["token_id"]
        )
    return ApiToken(row["tenant_id"], row["token_id"], name or "", row["scope"])
