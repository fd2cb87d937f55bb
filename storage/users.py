"""The people who sign in: their names, roles, and whether they still may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.address import canonical
from storage import access, audit
from storage.access import ROLES, Role
from storage.ledger import new_id

if TYPE_CHECKING:
    from storage.database import Session


class Refused(Exception):
    """The change is not allowed; `why` is a word of the catalogue, the text a sentence for people."""

    def __init__(self, why: str, text: str) -> None:
        super().__init__(text)
        self.why = why


_ROW = """user_id, email, name, role, active, created_at, last_sign_in_at, password is not null as has_password,
          oidc_subject is not null as has_oidc"""


async def page(session: Session, tenant_id: UUID, *, after: str | None, limit: int) -> list[Any]:
    """Users by address."""
    return await session.fetch(
        f"""select {_ROW} from users where tenant_id = $1 and ($2::text is null or email > $2)
             order by email limit $3""",  # noqa: S608
        tenant_id,
        after,
        limit,
    )


async def get(session: Session, tenant_id: UUID, user_id: UUID) -> Any:
    return await session.fetchrow(
        f"select {_ROW} from users where tenant_id = $1 and user_id = $2",  # noqa: S608
        tenant_id,
        user_id,
    )


async def find(session: Session, tenant_id: UUID, email: str) -> UUID | None:
    """The user with this address."""
    user_id: UUID | None = await session.fetchval(
        "select user_id from users where tenant_id = $1 and email = $2", tenant_id, canonical(email)
    )
    return user_id


async def add(session: Session, tenant_id: UUID, email: str, name: str, role: Role, *, actor: str, by: Role) -> UUID:
    """A new user. `by` is the role of who adds them. Raises Refused."""
    _check_rank(by, role)
    user_id: UUID | None = await session.fetchval(
        """insert into users (tenant_id, user_id, email, name, role) values ($1, $2, $3, $4, $5)
           on conflict (tenant_id, email) do nothing returning user_id""",
        tenant_id,
        new_id(),
        canonical(email),
        name,
        role,
    )
    if user_id is None:
        raise Refused("taken", "There is a user with this address.")
    await audit.record(
        session, tenant_id, actor, "add_user", f"user/{user_id}", {"email": canonical(email), "role": role}
    )
    return user_id


async def change(
    session: Session,
    tenant_id: UUID,
    user_id: UUID,
    *,
    actor: str,
    by: Role,
    name: str | None = None,
    role: Role | None = None,
    active: bool | None = None,
) -> bool:
    """Changes what is given. Raises LookupError, Refused.

    A new role or the end of an account ends its sessions, and then True is returned; whoever may not sign in any
    more has no password, no link and no OpenID subject left either.
    """
    # All owners, in one order, so that two of them cannot demote each other at the same moment.
    owners = await session.fetch(
        """select user_id from users where tenant_id = $1 and role = 'owner' and active order by user_id for update""",
        tenant_id,
    )
    row = await session.fetchrow(
        "select name, role, active from users where tenant_id = $1 and user_id = $2 for update", tenant_id, user_id
    )
    if row is None:
        raise LookupError("no such user")
    wanted = {"name": name, "role": role, "active": active}
    after = {key: row[key] if value is None else value for key, value in wanted.items()}
    changed = {key: [row[key], after[key]] for key in wanted if row[key] != after[key]}
    if not changed:
        return False
    _check_rank(by, row["role"])
    _check_rank(by, role or row["role"])
    stays_owner = after["role"] == "owner" and after["active"]
    if not stays_owner and [owner["user_id"] for owner in owners] == [user_id]:
        raise Refused("last_owner", "This is the last owner: make somebody else an owner first.")
    await session.execute(
        """update users set name = $3, role = $4, active = $5, password = case when $5 then password end,
                  oidc_subject = case when $5 then oidc_subject end
            where tenant_id = $1 and user_id = $2""",
        tenant_id,
        user_id,
        *after.values(),
    )
    ends = "role" in changed or not after["active"]
    if ends:
        await session.execute("delete from sessions where tenant_id = $1 and user_id = $2", tenant_id, user_id)
    if not after["active"]:
        await session.execute("delete from login_links where tenant_id = $1 and user_id = $2", tenant_id, user_id)
    await audit.record(session, tenant_id, actor, "change_user", f"user/{user_id}", {"changed": changed})
    return ends


async def invite(session: Session, tenant_id: UUID, user_id: UUID, *, actor: str, by: Role) -> str:
    """The token of a new link at which this user sets a password. Raises LookupError, Refused."""
    row = await get(session, tenant_id, user_id)
    if row is None:
        raise LookupError("no such user")
    _check_rank(by, row["role"])
    if not row["active"]:
        raise Refused("inactive", "This user may not sign in: let them in again first.")
    token = await access.create_link(session, tenant_id, row["email"], access.INVITATION, "password")
    await audit.record(session, tenant_id, actor, "make_password_link", f"user/{user_id}")
    return token


async def password(session: Session, tenant_id: UUID, user_id: UUID) -> str | None:
    """The hash of this user's password."""
    stored: str | None = await session.fetchval(
        "select password from users where tenant_id = $1 and user_id = $2", tenant_id, user_id
    )
    return stored


def _check_rank(by: Role, role: Role) -> None:
    if ROLES.index(by) < ROLES.index(role):
        raise Refused("rank", f"Your role does not reach this far: somebody who is {role} has to do it.")
