"""Who may come in: login links, sessions and API tokens. Only the sha256 of each token is stored."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal, get_args
from uuid import UUID

from domain.address import canonical
from storage import audit
from storage.ledger import new_id

if TYPE_CHECKING:
    from storage.database import Database, Session

Role = Literal["viewer", "agent", "admin", "owner"]
Scope = Literal["read", "write"]
# Each may do what those before it may.
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)

API_PREFIX = "pr_"


@dataclass(frozen=True, slots=True)
class User:
    """Who is signed in."""

    tenant_id: UUID
    user_id: UUID
    email: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class ApiToken:
    """Which system calls; `name` is what its token was called when it was made."""

    tenant_id: UUID
    token_id: UUID
    name: str
    scope: Scope


def token_hash(token: str) -> bytes:
    """What is stored of a token. The tokens are 256 random bits, so a plain digest is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


async def create_login_link(session: Session, tenant_id: UUID, email: str, lifetime: timedelta) -> str:
    """The one-time token of a login link. Raises LookupError for an unknown user."""
    token = secrets.token_urlsafe(32)
    made = await session.fetchval(
        """insert into login_links (tenant_id, token_hash, user_id, expires_at)
           select tenant_id, $2, user_id, now() + $4 from users where tenant_id = $1 and email = $3
           returning true""",
        tenant_id,
        token_hash(token),
        canonical(email),
        lifetime,
    )
    if not made:
        raise LookupError("no user with this address")
    return token


async def login_link_is_valid(db: Database, token: str) -> bool:
    """Whether the link would sign somebody in. Changes nothing: mail scanners open links."""
    async with db.directory() as connection:
        return (
            await connection.fetchval("select tenant_id from directory_login_link($1)", token_hash(token)) is not None
        )


async def sign_in(db: Database, token: str) -> str | None:
    """Uses a login link up and returns a new session's token; None when it is unknown, used or too old."""
    async with db.directory() as connection:
        tenant_id = await connection.fetchval("select tenant_id from directory_login_link($1)", token_hash(token))
    if tenant_id is None:
        return None
    async with db.tenant(tenant_id) as session:
        user_id = await session.fetchval(
            """update login_links set used_at = now()
                where tenant_id = $1 and token_hash = $2 and used_at is null and expires_at > now()
            returning user_id""",
            tenant_id,
            token_hash(token),
        )
        if user_id is None:
            return None
        for table in ("sessions", "login_links"):
            await session.execute(f"delete from {table} where tenant_id = $1 and expires_at < now()", tenant_id)  # noqa: S608
        session_token = secrets.token_urlsafe(32)
        await session.execute(
            "insert into sessions (tenant_id, token_hash, user_id, expires_at) values ($1, $2, $3, now() + $4)",
            tenant_id,
            token_hash(session_token),
            user_id,
            ABSOLUTE,
        )
        await session.execute(
            """insert into audit (tenant_id, actor, action, object)
               select $1, email, 'sign_in', 'user/' || user_id from users where tenant_id = $1 and user_id = $2""",
            tenant_id,
            user_id,
        )
    return session_token


async def session_user(db: Database, session_token: str, *, active: bool = True) -> User | None:
    """Who this session belongs to; None when it is unknown, ended, idle for too long or past its absolute end.

    `active`: a person does this, so the session is not idle.
    """
    hashed = token_hash(session_token)
    async with db.directory() as connection:
        tenant_id = await connection.fetchval("select tenant_id from directory_session($1)", hashed)
    if tenant_id is None:
        return None
    async with db.tenant(tenant_id) as session:
        if active:
            # Written at most once a minute: a page view is a read.
            await session.execute(
                """update sessions set last_seen_at = now()
                    where tenant_id = $1 and token_hash = $2 and last_seen_at > now() - $3::interval
                      and last_seen_at < now() - interval '1 minute'""",
                tenant_id,
                hashed,
                IDLE,
            )
        row = await session.fetchrow(
            """select u.user_id, u.email, u.name, u.role from sessions s join users u using (tenant_id, user_id)
                where s.tenant_id = $1 and s.token_hash = $2 and s.expires_at > now()
                  and s.last_seen_at > now() - $3::interval""",
            tenant_id,
            hashed,
            IDLE,
        )
    return User(tenant_id, row["user_id"], row["email"], row["name"], row["role"]) if row else None


async def sign_out(db: Database, user: User, session_token: str) -> None:
    async with db.tenant(user.tenant_id) as session:
        await session.execute(
            "delete from sessions where tenant_id = $1 and token_hash = $2", user.tenant_id, token_hash(session_token)
        )
        await audit.record(session, user.tenant_id, user.email, "sign_out", f"user/{user.user_id}")


async def create_api_token(session: Session, tenant_id: UUID, name: str, scope: Scope) -> str:
    """A new token, shown this once."""
    token = API_PREFIX + secrets.token_urlsafe(32)
    await session.execute(
        "insert into api_tokens (tenant_id, token_id, token_hash, name, scope) values ($1, $2, $3, $4, $5)",
        tenant_id,
        new_id(),
        token_hash(token),
        name,
        scope,
    )
    return token


async def api_token(db: Database, token: str) -> ApiToken | None:
    """Whom this bearer token stands for; None when it is unknown or expired."""
    async with db.directory() as connection:
        row = await connection.fetchrow("select * from directory_api_token($1)", token_hash(token))
    if row is None:
        return None
    async with db.tenant(row["tenant_id"]) as session:
        name = await session.fetchval(
            "select name from api_tokens where tenant_id = $1 and token_id = $2", row["tenant_id"], row["token_id"]
        )
    return ApiToken(row["tenant_id"], row["token_id"], name or "", row["scope"])
