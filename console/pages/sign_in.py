"""Signing in: by password, by a one-time link, by OpenID Connect; and out."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from console import cookies, oidc, passwords, security
from console.calls import PageCall, PublicCall
from console.fields import MAX_EMAIL, clean
from console.templating import render_public
from storage import access


async def form(call: PublicCall) -> web.Response:
    """What somebody sees who is not signed in. Where they were going is kept for a link, too."""
    following = security.own_path(call.request.query.get("next", ""))
    response = _form(call, following=following)
    cookies.set_next(response, call.services, following)
    return response


async def by_password(call: PublicCall) -> web.Response:
    """One answer for an unknown address and for a wrong password, and both take as long."""
    sent = await call.request.post()
    email, password = clean(sent.get("email"), MAX_EMAIL), str(sent.get("password", ""))
    following = security.own_path(str(sent.get("next", "")))
    services, visit = call.services, call.visit
    key = access.attempt_key(email, visit.address)
    if await access.too_many_attempts(services.db, key):
        response = _form(call, status=429, fault="too_many", email=email, following=following)
        response.headers["Retry-After"] = str(int(access.WITHIN.total_seconds()))
        return response
    found = await access.accounts(services.db, email)
    try:
        # Somebody may have accounts at several tenants, each with a password of its own, or with the same.
        checks = [(account, await services.passwords.check(account.password, password)) for account in found]
        if not found:
            await services.passwords.check(None, password)
    except passwords.Busy:
        return _form(call, status=503, fault="busy", email=email, following=following)
    right = [(account, checked.rehashed) for account, checked in checks if checked.right]
    if not right:
        return _form(call, status=403, fault="wrong", email=email, following=following)
    await access.attempt_succeeded(services.db, key)
    if len(right) > 1:
        return await _choose(call, [account for account, _ in right])
    ((account, rehashed),) = right
    token = await access.sign_in_by_password(services.db, account, visit, rehashed=rehashed)
    return _signed_in(call, token, following)


async def offer(call: PublicCall) -> web.Response:
    """A button that signs in. Opening the link uses nothing up, so that mail scanners may do it."""
    if await access.find_link(call.services.db, call.request.match_info["token"], "sign_in") is None:
        return render_public(call, "sign_in.html", status=410, state="used")
    return render_public(call, "sign_in.html", state="valid")


async def by_link(call: PublicCall) -> web.Response:
    token = await access.sign_in_by_link(call.services.db, call.request.match_info["token"], call.visit)
    return _signed_in(call, token) if token else render_public(call, "sign_in.html", status=410, state="used")


async def choose_password(call: PublicCall) -> web.Response:
    """The form behind a link to set a password."""
    link = await access.find_link(call.services.db, call.request.match_info["token"], "password")
    if link is None:
        return render_public(call, "sign_in.html", status=410, state="used")
    return render_public(call, "set_password.html", email=link.email, fault=None)


async def set_password(call: PublicCall) -> web.Response:
    token, services = call.request.match_info["token"], call.services
    link = await access.find_link(services.db, token, "password")
    if link is None:
        return render_public(call, "sign_in.html", status=410, state="used")
    sent = await call.request.post()
    password = str(sent.get("password", ""))
    fault = passwords.fault(password, link.email)
    if fault is None and password != sent.get("again"):
        fault = "differs"
    if fault is not None:
        return render_public(call, "set_password.html", status=422, email=link.email, fault=fault)
    try:
        hashed = await services.passwords.hash(password)
    except passwords.Busy:
        return render_public(call, "set_password.html", status=503, email=link.email, fault="busy")
    session = await access.set_password_by_link(services.db, token, hashed, call.visit)
    return _signed_in(call, session) if session else render_public(call, "sign_in.html", status=410, state="used")


async def to_provider(call: PublicCall) -> web.Response:
    """To the OpenID provider. What is needed to take its answer is in a cookie of this browser only."""
    if call.services.oidc is None:
        return _form(call, status=404, fault="oidc_off")
    secret = oidc.new_secret()
    try:
        url = await call.services.oidc.authorization_url(secret)
    except oidc.Unavailable:
        return _form(call, status=503, fault="oidc_away")
    response = web.Response(status=303, headers={"Location": url})
    cookies.set_oidc(response, call.services, secret)
    cookies.set_next(response, call.services, security.own_path(call.request.query.get("next", "")))
    return response


async def from_provider(call: PublicCall) -> web.Response:
    """Back from the OpenID provider, with a code for this browser."""
    services, query = call.services, call.request.query
    secret = cookies.read_oidc(call.request, services)
    if services.oidc is None or secret is None or not oidc.is_ours(secret, query.get("state", "")):
        return _form(call, status=403, fault="oidc_state")
    try:
        identity = await services.oidc.identity(query.get("code", ""), secret)
    except oidc.Unavailable:
        return _form(call, status=503, fault="oidc_away")
    except oidc.Refused:
        return _form(call, status=403, fault="oidc_refused")
    found = await access.accounts(services.db, identity.email)
    theirs = [account for account in found if account.oidc_subject in (None, identity.subject)]
    if len(theirs) > 1:
        response = await _choose(call, theirs, identity.subject)
    elif theirs and (token := await access.sign_in_by_oidc(services.db, theirs[0], identity.subject, call.visit)):
        response = _signed_in(call, token)
    else:
        return _form(call, status=403, fault="oidc_unknown")
    cookies.clear_oidc(response, services)
    return response


async def sign_out(call: PageCall) -> web.Response:
    await access.sign_out(call.services.db, call.user)
    response = web.Response(status=303, headers={"Location": "/login"})
    cookies.clear(response, call.services)
    return response


async def _choose(call: PublicCall, accounts: Sequence[access.Account], subject: str | None = None) -> web.Response:
    """Somebody who has shown that they are each of these says into which tenant they go."""
    return render_public(call, "which_tenant.html", links=await access.offer(call.services.db, accounts, subject))


def _form(
    call: PublicCall, *, status: int = 200, fault: str = "", email: str = "", following: str = "/"
) -> web.Response:
    provider = call.services.oidc.label if call.services.oidc else None
    return render_public(
        call,
        "sign_in.html",
        status=status,
        state="form",
        fault=fault,
        email=email,
        provider=provider,
        following=following,
    )


def _signed_in(call: PublicCall, token: str, following: str = "") -> web.Response:
    """On to the page that this form says, or that this browser was going to."""
    place = following or security.own_path(cookies.read_next(call.request, call.services))
    response = web.Response(status=303, headers={"Location": place})
    cookies.set_session(response, call.services, token)
    cookies.set_next(response, call.services, "/")
    return response
