"""The people who sign in: who they are, what they may, and from where they are signed in."""

from __future__ import annotations

from typing import Any, cast

from aiohttp import web

from console import cookies
from console.calls import NotFound, PageCall
from console.fields import MAX_EMAIL, MAX_NAME, clean, is_email
from console.roles import may
from console.templating import render
from storage import access, users
from storage.access import ROLES, Role

PAGE = 100


async def listing(call: PageCall) -> web.Response:
    return await _list(call)


async def add(call: PageCall) -> web.Response:
    """Adds somebody and shows the link at which they set their password, this once."""
    form = await call.request.post()
    email, name = clean(form.get("email"), MAX_EMAIL), clean(form.get("name"), MAX_NAME)
    role = _role(form.get("role"))
    given = {"email": email, "name": name, "role": role}
    if not is_email(email):
        return await _list(call, status=422, fault="email", given=given)
    try:
        async with call.session() as session:
            user_id = await users.add(
                session, call.tenant_id, email, name or email, role, actor=call.actor, by=call.user.role
            )
            token = await access.create_link(session, call.tenant_id, email, access.INVITATION, "password")
    except users.Refused as refused:
        return await _list(call, status=409, fault=refused.why, given=given)
    async with call.session() as session:
        row = await users.get(session, call.tenant_id, user_id)
    return await _user(call, row, link=token)


async def show(call: PageCall) -> web.Response:
    return await _user(call, await _row(call))


async def change(call: PageCall) -> web.Response:
    """Name, role, and whether they may sign in. One's own session goes on under a new id when the role changes."""
    row, form = await _row(call), await call.request.post()
    name = clean(form.get("name"), MAX_NAME) or None
    token = None
    try:
        async with call.session() as session:
            ended = await users.change(
                session, call.tenant_id, row["user_id"], actor=call.actor, by=call.user.role, name=name,
                role=_role(form.get("role")) if "role" in form else None,
                active=form.get("active") == "yes" if "active" in form else None,
            )  # fmt: skip
            if ended and row["user_id"] == call.user.user_id and form.get("active") != "no":
                token = await access.rotate(session, call.user, call.visit)
    except users.Refused as refused:
        return await _user(call, row, status=409, fault=refused.why)
    response = web.Response(status=303, headers={"Location": f"/users/{row['user_id']}?done=changed"})
    if token is not None:
        cookies.set_session(response, call.services, token)
    return response


async def make_link(call: PageCall) -> web.Response:
    """A new link to set a password, shown this once."""
    row = await _row(call)
    try:
        async with call.session() as session:
            token = await users.invite(session, call.tenant_id, row["user_id"], actor=call.actor, by=call.user.role)
    except users.Refused as refused:
        return await _user(call, row, status=409, fault=refused.why)
    return await _user(call, row, link=token)


async def end_sessions(call: PageCall) -> web.Response:
    row = await _row(call)
    async with call.session() as session:
        await access.end_sessions(session, call.tenant_id, row["user_id"], actor=call.actor)
    return web.Response(status=303, headers={"Location": f"/users/{row['user_id']}?done=sessions"})


async def _row(call: PageCall) -> Any:
    async with call.session() as session:
        row = await users.get(session, call.tenant_id, call.id("id"))
    if row is None:
        raise NotFound
    return row


async def _list(
    call: PageCall, *, status: int = 200, fault: str | None = None, given: dict[str, str] | None = None
) -> web.Response:
    after = clean(call.request.query.get("after"), MAX_EMAIL) or None
    async with call.session() as session:
        rows = await users.page(session, call.tenant_id, after=after, limit=PAGE + 1)
    return await render(
        call,
        "users.html",
        status=status,
        people=rows[:PAGE],
        following=rows[PAGE - 1]["email"] if len(rows) > PAGE else None,
        fault=fault,
        given=given or {"email": "", "name": "", "role": "agent"},
        roles=_roles(call),
    )


async def _user(
    call: PageCall, row: Any, *, status: int = 200, fault: str | None = None, link: str | None = None
) -> web.Response:
    async with call.session() as session:
        sessions = await access.sessions(session, call.tenant_id, [row["user_id"]])
    done = call.request.query.get("done", "")
    return await render(
        call,
        "user.html",
        status=status,
        person=row,
        sessions=sessions,
        fault=fault,
        link=f"{call.services.public_url.rstrip('/')}/password/{link}" if link else None,
        done=done if done in ("changed", "sessions") else None,
        roles=_roles(call),
        editable=may(call.user.role, row["role"]),
    )


def _roles(call: PageCall) -> list[Role]:
    """Those that this person may give."""
    return [role for role in ROLES if call.may(role)]


def _role(value: Any) -> Role:
    return cast("Role", value) if value in ROLES else "viewer"
