"""Who may come in: one-time links, passwords, OpenID Connect, and the sessions they begin.

Only the sha256 of links' and sessions' tokens is stored; passwords come here hashed.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, get_args
from uuid import UUID

from domain.address import canonical
from storage import audit

if TYPE_CHECKING:
    from storage.database import Database, Session

Role = Literal["viewer", "agent", "admin", "owner"]
# Each may do what those before it may.
ROLES: Final[tuple[Role, ...]] = get_args(Role)

Purpose = Literal["sign_in", "password"]

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
# How long a link to set a password holds: it goes to somebody who may be away.
INVITATION = timedelta(hours=72)
# How long somebody may take to choose between their tenants.
CHOOSING = timedelta(minutes=10)

# OWASP ASVS 5.0 6.3.1: attempts by account and address of the caller.
ATTEMPTS = 5
WITHIN = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class User:
    """Who is signed in, by which session."""

    tenant_id: UUID
    user_id: UUID
    email: str
    name: str
    role: Role
    session_id: UUID


@dataclass(frozen=True, slots=True)
class Visit:
    """From where somebody comes: shown to them in the list of their sessions. `replaces` is the session they had."""

    user_agent: str
    address: str
    replaces: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody with this address who may sign in, in one tenant."""

    tenant_id: UUID
    user_id: UUID
    email: str
    password: str | None
    oidc_subject: str | None


@dataclass(frozen=True, slots=True)
class Link:
    """A one-time link that still works, and whose it is."""

    tenant_id: UUID
    purpose: Purpose
    email: str


def token_hash(token: str) -> bytes:
    """What is stored of a token. The tokens are 256 random bits, so a plain digest is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


# Links -----------------------------------------------------------------------------------------------------------


async def create_link(
    session: Session, tenant_id: UUID, email: str, lifetime: timedelta, purpose: Purpose = "sign_in"
) -> str:
    """The token of a one-time link. Raises LookupError for somebody who is unknown or may not sign in."""
    token = secrets.token_urlsafe(32)
    made = await session.fetchval(
        """insert into login_links (tenant_id, token_hash, user_id, expires_at, purpose)
           select tenant_id, $2, user_id, now() + $4, $5 from users where tenant_id = $1 and email = $3 and active
           returning true""",
        tenant_id,
        token_hash(token),
        canonical(email),
        lifetime,
        purpose,
    )
    if not made:
        raise LookupError("no user with this address who may sign in")
    return token


async def find_link(db: Database, token: str, purpose: Purpose) -> Link | None:
    """The link of a token, if it would work. Changes nothing: mail scanners open links."""
    tenant_id = await _tenant_of_link(db, token)
    if tenant_id is None:
        return None
    async with db.tenant(tenant_id) as session:
        email = await session.fetchval(
            """select u.email from login_links l join users u using (tenant_id, user_id)
                where l.tenant_id = $1 and l.token_hash = $2 and l.purpose = $3 and u.active""",
            tenant_id,
            token_hash(token),
            purpose,
        )
    return Link(tenant_id, purpose, email) if email else None


async def sign_in_by_link(db: Database, token: str, visit: Visit) -> str | None:
    """Uses a link up and returns a new session's token; None when the link is unknown, used or too old."""
    tenant_id = await _tenant_of_link(db, token)
    if tenant_id is None:
        return None
    async with db.tenant(tenant_id) as session:
        user_id = await _use_link(session, tenant_id, token, "sign_in")
        return await _begin(session, tenant_id, user_id, "link", visit) if user_id else None


async def set_password_by_link(db: Database, token: str, password: str, visit: Visit) -> str | None:
    """Uses a link up, sets the (hashed) password, ends every session and begins one; None as with `sign_in_by_link`."""
    tenant_id = await _tenant_of_link(db, token)
    if tenant_id is None:
        return None
    async with db.tenant(tenant_id) as session:
        user_id = await _use_link(session, tenant_id, token, "password")
        if user_id is None:
            return None
        await _set_password(session, tenant_id, user_id, password)
        return await _begin(session, tenant_id, user_id, "password link", visit)


async def _tenant_of_link(db: Database, token: str) -> UUID | None:
    async with db.directory() as connection:
        tenant_id: UUID | None = await connection.fetchval(
            "select tenant_id from directory_login_link($1)", token_hash(token)
        )
    return tenant_id


async def _use_link(session: Session, tenant_id: UUID, token: str, purpose: Purpose) -> UUID | None:
    user_id: UUID | None = await session.fetchval(
        """update login_links l set used_at = now() from users u
            where l.tenant_id = $1 and l.token_hash = $2 and l.purpose = $3 and l.used_at is null
              and l.expires_at > now() and u.tenant_id = $1 and u.user_id = l.user_id and u.active
        returning l.user_id""",
        tenant_id,
        token_hash(token),
        purpose,
    )
    return user_id


# Passwords and OpenID Connect ------------------------------------------------------------------------------------


async def accounts(db: Database, email: str) -> list[Account]:
    """Everybody with this address who may sign in, over all tenants."""
    address = canonical(email)
    async with db.directory() as connection:
        found = await connection.fetch("select * from directory_users($1)", address)
    accounts = []
    for each in found:
        async with db.tenant(each["tenant_id"]) as session:
            row = await session.fetchrow(
                """select tenant_id, user_id, email, password, oidc_subject from users
                    where tenant_id = $1 and user_id = $2 and email = $3 and active""",
                each["tenant_id"],
                each["user_id"],
                address,
            )
        if row is not None:
            accounts.append(Account(**dict(row)))
    return accounts


async def sign_in_by_password(db: Database, account: Account, visit: Visit, *, rehashed: str | None = None) -> str:
    """A session for somebody whose password was right; `rehashed` replaces the stored hash."""
    async with db.tenant(account.tenant_id) as session:
        if rehashed is not None:
            await session.execute(
                "update users set password = $4 where tenant_id = $1 and user_id = $2 and password = $3",
                account.tenant_id,
                account.user_id,
                account.password,
                rehashed,
            )
        return await _begin(session, account.tenant_id, account.user_id, "password", visit)


async def sign_in_by_oidc(db: Database, account: Account, subject: str, visit: Visit) -> str | None:
    """A session for somebody an OpenID provider vouches for; None when the account is another subject's."""
    async with db.tenant(account.tenant_id) as session:
        pinned = await _pin(session, account, subject)
        return await _begin(session, account.tenant_id, account.user_id, "oidc", visit) if pinned else None


async def offer(db: Database, accounts: Sequence[Account], subject: str | None = None) -> list[tuple[str, str]]:
    """For somebody who has shown that they are each of these, a link of minutes into each tenant: its name, the token.

    `subject`: an OpenID provider vouches for them. Accounts of another subject are left out.
    """
    links = []
    for account in accounts:
        async with db.tenant(account.tenant_id) as session:
            if subject is not None and not await _pin(session, account, subject):
                continue
            token = await create_link(session, account.tenant_id, account.email, CHOOSING)
            detail = {"by": "password" if subject is None else "oidc"}
            thing = f"user/{account.user_id}"
            await audit.record(session, account.tenant_id, account.email, "make_sign_in_link", thing, detail)
            name = await session.fetchval("select name from tenants where tenant_id = $1", account.tenant_id)
        links.append((name, token))
    return sorted(links, key=lambda link: link[0].lower())


async def _pin(session: Session, account: Account, subject: str) -> bool:
    """Whether the account is this subject's of the OpenID provider; the first one who comes is it."""
    pinned = await session.fetchval(
        """update users set oidc_subject = $3
            where tenant_id = $1 and user_id = $2 and coalesce(oidc_subject, $3) = $3 and active returning true""",
        account.tenant_id,
        account.user_id,
        subject,
    )
    return pinned is not None


async def change_password(session: Session, user: User, password: str, visit: Visit) -> str:
    """Sets the (hashed) password, ends every session of this user, and begins a new one, whose token it returns."""
    await _set_password(session, user.tenant_id, user.user_id, password)
    return await _insert_session(session, user.tenant_id, user.user_id, visit)


async def _set_password(session: Session, tenant_id: UUID, user_id: UUID, password: str) -> None:
    email = await session.fetchval(
        "update users set password = $3 where tenant_id = $1 and user_id = $2 returning email",
        tenant_id,
        user_id,
        password,
    )
    await session.execute("delete from sessions where tenant_id = $1 and user_id = $2", tenant_id, user_id)
    # Whoever set a password lets no link stay behind.
    await session.execute("delete from login_links where tenant_id = $1 and user_id = $2", tenant_id, user_id)
    await audit.record(session, tenant_id, email, "set_password", f"user/{user_id}")


def attempt_key(email: str, address: str) -> bytes:
    """Under which attempts to sign in are counted: nothing personal is stored."""
    return hashlib.sha256(f"{canonical(email)}\0{address}".encode("utf-8", "replace")).digest()


async def too_many_attempts(db: Database, key: bytes) -> bool:
    """Counts an attempt, before it is known how it ends: so that many at once are no way round."""
    async with db.directory() as connection:
        attempts: int = await connection.fetchval("select directory_sign_in_attempt($1, $2)", key, WITHIN)
    return attempts > ATTEMPTS


async def attempt_succeeded(db: Database, key: bytes) -> None:
    async with db.directory() as connection:
        await connection.execute("select directory_sign_in_succeeded($1)", key)


# Sessions --------------------------------------------------------------------------------------------------------


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
            """select u.tenant_id, u.user_id, u.email, u.name, u.role, s.session_id
                 from sessions s join users u using (tenant_id, user_id)
                where s.tenant_id = $1 and s.token_hash = $2 and s.expires_at > now()
                  and s.last_seen_at > now() - $3::interval and u.active""",
            tenant_id,
            hashed,
            IDLE,
        )
    return User(**dict(row)) if row else None


async def sessions(session: Session, tenant_id: UUID, user_ids: Sequence[UUID]) -> list[Any]:
    """The sessions of these users that are alive, the last used first."""
    return await session.fetch(
        """select session_id, user_id, user_agent, address, created_at, last_seen_at, expires_at from sessions
            where tenant_id = $1 and user_id = any ($2) and expires_at > now() and last_seen_at > now() - $3::interval
            order by last_seen_at desc, session_id""",
        tenant_id,
        user_ids,
        IDLE,
    )


async def sign_out(db: Database, user: User) -> None:
    async with db.tenant(user.tenant_id) as session:
        await session.execute(
            "delete from sessions where tenant_id = $1 and session_id = $2", user.tenant_id, user.session_id
        )
        await audit.record(session, user.tenant_id, user.email, "sign_out", f"user/{user.user_id}")


async def end_session(session: Session, tenant_id: UUID, session_id: UUID, *, user_id: UUID, actor: str) -> None:
    """Ends one session of this user. Raises LookupError."""
    if not await session.fetchval(
        "delete from sessions where tenant_id = $1 and session_id = $2 and user_id = $3 returning true",
        tenant_id,
        session_id,
        user_id,
    ):
        raise LookupError("no such session")
    await audit.record(session, tenant_id, actor, "end_session", f"user/{user_id}", {"session": str(session_id)})


async def end_sessions(session: Session, tenant_id: UUID, user_id: UUID, *, actor: str) -> int:
    """Ends every session of this user, and returns how many there were."""
    ended = len(
        await session.fetch(
            "delete from sessions where tenant_id = $1 and user_id = $2 returning 1", tenant_id, user_id
        )
    )
    await audit.record(session, tenant_id, actor, "end_sessions", f"user/{user_id}", {"ended": ended})
    return ended


async def rotate(session: Session, user: User, visit: Visit) -> str:
    """A new session in place of every one this user has; returns its token."""
    await session.execute("delete from sessions where tenant_id = $1 and user_id = $2", user.tenant_id, user.user_id)
    return await _insert_session(session, user.tenant_id, user.user_id, visit)


async def _begin(session: Session, tenant_id: UUID, user_id: UUID, way: str, visit: Visit) -> str:
    """A new session; the one that the browser had ends, and so does what has expired."""
    for table in ("sessions", "login_links"):
        await session.execute(f"delete from {table} where tenant_id = $1 and expires_at < now()", tenant_id)  # noqa: S608
    if visit.replaces is not None:
        await session.execute(
            "delete from sessions where tenant_id = $1 and token_hash = $2", tenant_id, token_hash(visit.replaces)
        )
    email = await session.fetchval(
        "update users set last_sign_in_at = now() where tenant_id = $1 and user_id = $2 returning email",
        tenant_id,
        user_id,
    )
    await audit.record(session, tenant_id, email, "sign_in", f"user/{user_id}", {"by": way})
    return await _insert_session(session, tenant_id, user_id, visit)


async def _insert_session(session: Session, tenant_id: UUID, user_id: UUID, visit: Visit) -> str:
    token = secrets.token_urlsafe(32)
    await session.execute(
        """insert into sessions (tenant_id, token_hash, user_id, user_agent, address, expires_at)
           values ($1, $2, $3, $4, $5, now() + $6)""",
        tenant_id,
        token_hash(token),
        user_id,
        visit.user_agent[:200],
        visit.address[:50],
        ABSOLUTE,
    )
    return token
