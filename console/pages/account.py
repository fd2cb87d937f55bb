"""One's own account: the password, and from where one is signed in."""

from __future__ import annotations

from aiohttp import web

from console import cookies, passwords
from console.calls import NotFound, PageCall
from console.templating import render
from storage import access, users


async def show(call: PageCall) -> web.Response:
    return await _page(call)


async def change_password(call: PageCall) -> web.Response:
    """Ends every session of this person, and begins a new one here. Guesses count like attempts to sign in."""
    form = await call.request.post()
    services, visit = call.services, call.visit
    async with call.session() as session:
        stored = await users.password(session, call.tenant_id, call.user.user_id)
    new = str(form.get("password", ""))
    fault = passwords.fault(new, call.user.email)
    if fault is None and new != form.get("again"):
        fault = "differs"
    if fault is not None:
        return await _page(call, status=422, fault=fault)
    key = access.attempt_key(call.user.email, visit.address)
    try:
        if stored is not None:
            if await access.too_many_attempts(services.db, key):
                return await _page(call, status=429, fault="too_many")
            if not (await services.passwords.check(stored, str(form.get("current", "")))).right:
                return await _page(call, status=403, fault="current")
            await access.attempt_succeeded(services.db, key)
        hashed = await services.passwords.hash(new)
    except passwords.Busy:
        return await _page(call, status=503, fault="busy")
    async with call.session() as session:
        token = await access.change_password(session, call.user, hashed, visit)
    response = web.Response(status=303, headers={"Location": "/account?done=password"})
    cookies.set_session(response, services, token)
    return response


async def end_session(call: PageCall) -> web.Response:
    async with call.session() as session:
        try:
            await access.end_session(
                session, call.tenant_id, call.id("id"), user_id=call.user.user_id, actor=call.actor
            )
        except LookupError:
            raise NotFound from None
    return web.Response(status=303, headers={"Location": "/account?done=session"})


async def sign_out_everywhere(call: PageCall) -> web.Response:
    async with call.session() as session:
        await access.end_sessions(session, call.tenant_id, call.user.user_id, actor=call.actor)
    response = web.Response(status=303, headers={"Location": "/login"})
    cookies.clear(response, call.services)
    return response


async def _page(call: PageCall, *, status: int = 200, fault: str | None = None) -> web.Response:
    async with call.session() as session:
        row = await users.get(session, call.tenant_id, call.user.user_id)
        sessions = await access.sessions(session, call.tenant_id, [call.user.user_id])
    done = call.request.query.get("done", "")
    return await render(
        call,
        "account.html",
        status=status,
        person=row,
        sessions=sessions,
        fault=fault,
        done=done if done in ("password", "session") else None,
    )
