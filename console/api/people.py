"""The operations about users, their sessions, API tokens and the audit log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn
from uuid import UUID

from aiohttp import web

from console.api import paging, people_models
from console.api.answers import cut_answer, json_answer, page_answer
from console.api.problems import Problem
from console.api.requests import parse
from console.calls import ApiCall, NotFound
from storage import access, api_tokens, audit, users
from storage.access import Role

# A token of scope admin may what an admin may: owners are made by owners, who are people.
RANK: Role = "admin"


async def list_users(call: ApiCall) -> web.Response:
    query = paging.parse(paging.PageQuery, call.request.query)
    key = paging.decode(query.cursor, paging.text)
    async with call.session() as session:
        rows = await users.page(session, call.tenant_id, after=key[0] if key else None, limit=query.limit + 1)
    return page_answer([_user(row) for row in rows], rows, query.limit, lambda row: [row["email"]])


async def get_user(call: ApiCall) -> web.Response:
    return json_answer(_user(await _user_row(call, call.id("id"))))


async def add_user(call: ApiCall) -> web.Response:
    body = parse(call, people_models.NewUser)
    try:
        async with call.session() as session:
            user_id = await users.add(
                session, call.tenant_id, body.email, body.name or body.email, body.role, actor=call.actor, by=RANK
            )
    except users.Refused as refused:
        _refuse(refused)
    return json_answer(_user(await _user_row(call, user_id)))


async def change_user(call: ApiCall) -> web.Response:
    user_id = call.id("id")
    await _user_row(call, user_id)
    body = parse(call, people_models.UserChange)
    try:
        async with call.session() as session:
            await users.change(
                session, call.tenant_id, user_id, actor=call.actor, by=RANK, **body.model_dump(exclude_unset=True)
            )
    except users.Refused as refused:
        _refuse(refused)
    return json_answer(_user(await _user_row(call, user_id)))


async def make_password_link(call: ApiCall) -> web.Response:
    try:
        async with call.session() as session:
            token = await users.invite(session, call.tenant_id, call.id("id"), actor=call.actor, by=RANK)
    except LookupError:
        raise NotFound from None
    except users.Refused as refused:
        _refuse(refused)
    url = f"{call.services.public_url.rstrip('/')}/password/{token}"
    return json_answer(people_models.PasswordLink(url=url, hours=int(access.INVITATION / timedelta(hours=1))))


async def list_sessions(call: ApiCall) -> web.Response:
    user_id = call.id("id")
    await _user_row(call, user_id)
    async with call.session() as session:
        rows = await access.sessions(session, call.tenant_id, [user_id])
    items = [people_models.UserSession.model_validate({**row, "id": row["session_id"]}) for row in rows]
    return cut_answer(call.request.query, items)


async def end_sessions(call: ApiCall) -> web.Response:
    user_id = call.id("id")
    await _user_row(call, user_id)
    async with call.session() as session:
        ended = await access.end_sessions(session, call.tenant_id, user_id, actor=call.actor)
    return json_answer(people_models.Ended(ended=ended))


async def list_tokens(call: ApiCall) -> web.Response:
    query = paging.parse(paging.PageQuery, call.request.query)
    key = paging.decode(query.cursor, UUID)
    async with call.session() as session:
        rows = await api_tokens.page(session, call.tenant_id, before=key[0] if key else None, limit=query.limit + 1)
    items = [_token(row) for row in rows]
    return page_answer(items, rows, query.limit, lambda row: [row["token_id"]])


async def add_token(call: ApiCall) -> web.Response:
    body = parse(call, people_models.TokenRequest)
    async with call.session() as session:
        token_id, token = await api_tokens.create(
            session, call.tenant_id, body.name, body.scope, actor=call.actor,
            lifetime=timedelta(days=body.days) if body.days else None,
        )  # fmt: skip
        row = await api_tokens.get(session, call.tenant_id, token_id)
    return json_answer(people_models.NewToken.model_validate({**row, "id": token_id, "token": token}))


async def revoke_token(call: ApiCall) -> web.Response:
    token_id = call.id("id")
    async with call.session() as session:
        try:
            await api_tokens.revoke(session, call.tenant_id, token_id, actor=call.actor)
        except LookupError:
            raise NotFound from None
        return json_answer(_token(await api_tokens.get(session, call.tenant_id, token_id)))


async def list_audit(call: ApiCall) -> web.Response:
    query = paging.parse(people_models.AuditQuery, call.request.query)
    key = paging.decode(query.cursor, paging.sequence)
    wanted = audit.Filter(query.actor, query.action, query.object, _utc(query.since), _utc(query.until))
    async with call.session() as session:
        rows = await audit.page(session, call.tenant_id, wanted, before=key[0] if key else None, limit=query.limit + 1)
    items = [_entry(row) for row in rows]
    return page_answer(items, rows, query.limit, lambda row: [row["audit_id"]])


async def get_audit_entry(call: ApiCall) -> web.Response:
    wanted = call.request.match_info["id"]
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 19):
        raise NotFound
    async with call.session() as session:
        row = await audit.get(session, call.tenant_id, int(wanted))
    if row is None:
        raise NotFound
    return json_answer(_entry(row))


async def verify_audit(call: ApiCall) -> web.Response:
    async with call.session() as session:
        verified = await audit.verify(session, call.tenant_id)
    position, digest = verified.head
    return json_answer(
        people_models.AuditChain(
            entries=verified.links,
            broken=verified.broken,
            head_position=position,
            head_hash=digest.hex(),
            retained_from=verified.retained_from,
        )
    )


async def _user_row(call: ApiCall, user_id: UUID) -> Any:
    async with call.session() as session:
        row = await users.get(session, call.tenant_id, user_id)
    if row is None:
        raise NotFound
    return row


def _refuse(refused: users.Refused) -> NoReturn:
    raise Problem(403 if refused.why == "rank" else 409, str(refused), reason=refused.why) from None


def _user(row: Any) -> people_models.User:
    return people_models.User.model_validate({**row, "id": row["user_id"]})


def _token(row: Any) -> people_models.Token:
    return people_models.Token.model_validate({**row, "id": row["token_id"]})


def _entry(row: Any) -> people_models.AuditEntry:
    return people_models.AuditEntry.model_validate({**row, "id": row["audit_id"]})


def _utc(moment: datetime | None) -> datetime | None:
    """In UTC, as Postgres takes it. Raises Problem (400) at the ends of time."""
    if moment is None:
        return None
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise Problem(400, "Correct `since` and `until`: these are times that no calendar has in UTC.") from None
