"""The operations about deciding: outbound mail, un-merge, dry runs, rules, policies, circuits, what was learned."""

from __future__ import annotations

import asyncio
import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ValidationError

from console.api import deciding_models as models
from console.api.models import EvidenceLine, Page
from console.api.problems import Problem
from console.calls import ApiCall, NotFound
from domain.deciding import Decision
from mail.fields import header_fields
from mail.pool import ParserPool
from storage import associations, dry_run, loops, mailboxes, outbound, policies, rules, tickets, unmerge

MAX_RULES_BODY = 2 << 20
MAX_EXPLAIN_BODY = 16 << 20
# Dry runs start a parser of their own; more at a time would only slow each other.
_PARSERS = asyncio.Semaphore(2)

B = TypeVar("B", bound=BaseModel)


async def prepare_outbound(call: ApiCall) -> web.Response:
    ticket_id = call.id("id")
    async with call.session() as session:
        if await tickets.get(session, call.tenant_id, ticket_id) is None:
            raise NotFound
    body = await _body(call, models.OutboundRequest)
    async with call.session() as session:
        try:
            prepared = await outbound.prepare(
                session,
                call.services.token_keys,
                call.tenant_id,
                ticket_id,
                body.to,
                actor=_actor(call),
                valid_for=timedelta(days=body.valid_days),
            )
        except LookupError:
            raise NotFound from None
    return _json(models.Outbound(message_id=prepared.message_id, headers=prepared.headers, marker=prepared.marker))


async def split_comment(call: ApiCall) -> web.Response:
    async with call.session() as session:
        try:
            ticket_id, number = await unmerge.split(session, call.tenant_id, call.id("id"), actor=_actor(call))
        except LookupError:
            raise NotFound from None
        except unmerge.NotSeparable as error:
            raise Problem(409, str(error)) from None
    return _json(models.Split(ticket_id=ticket_id, number=number))


async def explain(call: ApiCall) -> web.Response:
    body = await _body(call, models.ExplainRequest, MAX_EXPLAIN_BODY)
    try:
        raw = base64.b64decode(body.raw, validate=True)
    except binascii.Error:
        raise Problem(422, "Send the message as base64 in `raw`.") from None
    mailbox_id = await _mailbox(call, body.mailbox)
    async with _PARSERS:
        parser = ParserPool(processes=1)
        await parser.start()
        try:
            email = await parser.parse(raw, received_at=datetime.now(UTC))
        finally:
            await parser.close()
    async with call.session() as session:
        decision = await dry_run.explain(
            session, call.services.token_keys, call.tenant_id, mailbox_id, raw, email, header_fields(raw)
        )
    return _json(_explanation(decision))


async def get_rules(call: ApiCall) -> web.Response:
    async with call.session() as session:
        version, rule_set = await rules.current(session, call.tenant_id)
    return _json(models.Rules(version=version, rule_set=rule_set))


async def put_rules(call: ApiCall) -> web.Response:
    body = await _body(call, models.RulesUpdate, MAX_RULES_BODY)
    async with call.session() as session:
        try:
            version = await rules.save(
                session, call.tenant_id, body.rule_set, based_on=body.based_on, actor=_actor(call)
            )
        except rules.Conflict as error:
            raise Problem(409, f"Nothing was saved: {error}.") from None
    return _json(models.Rules(version=version, rule_set=body.rule_set))


async def get_policy(call: ApiCall) -> web.Response:
    async with call.session() as session:
        return _json(await policies.tenant(session, call.tenant_id))


async def put_policy(call: ApiCall) -> web.Response:
    policy = await _body(call, models.TenantPolicyBody)
    async with call.session() as session:
        await policies.set_tenant(session, call.tenant_id, policy, actor=_actor(call))
    return _json(policy)


async def get_mailbox_policy(call: ApiCall) -> web.Response:
    async with call.session() as session:
        try:
            return _json(await policies.mailbox(session, call.tenant_id, call.id("id")))
        except LookupError:
            raise NotFound from None


async def put_mailbox_policy(call: ApiCall) -> web.Response:
    await get_mailbox_policy(call)
    policy = await _body(call, models.MailboxPolicyBody)
    async with call.session() as session:
        await policies.set_mailbox(session, call.tenant_id, call.id("id"), policy, actor=_actor(call))
    return _json(policy)


async def list_circuits(call: ApiCall) -> web.Response:
    async with call.session() as session:
        rows = await loops.circuits(session, call.tenant_id)
    items = [models.Circuit.model_validate({**row, "id": row["circuit_id"]}) for row in rows]
    return _json(Page[models.Circuit](items=items, next=None))


async def reset_circuit(call: ApiCall) -> web.Response:
    async with call.session() as session:
        try:
            await loops.reset(session, call.tenant_id, call.id("id"), actor=_actor(call))
        except LookupError:
            raise NotFound from None
        except loops.NotOpen:
            raise Problem(409, "This circuit is closed: there is nothing to reset.") from None
    return await list_circuits(call)


async def list_associations(call: ApiCall) -> web.Response:
    async with call.session() as session:
        rows = await associations.page(session, call.tenant_id)
    items = [models.Association.model_validate(dict(row)) for row in rows]
    return _json(Page[models.Association](items=items, next=None))


async def revoke_association(call: ApiCall) -> web.Response:
    body = await _body(call, models.AssociationRef)
    async with call.session() as session:
        try:
            await associations.revoke(session, call.tenant_id, body.kind, body.value, actor=_actor(call))
        except LookupError:
            raise NotFound from None
    return await list_associations(call)


def _explanation(decision: Decision) -> models.Explanation:
    question = decision.question
    return models.Explanation(
        action=decision.action,
        reason=decision.reason,
        ticket_id=decision.ticket_id,
        evidence=[EvidenceLine(looked_at=line.looked_at, result=line.result) for line in decision.evidence],
        flags=decision.flags,
        question=question.text if question else None,
        options=question.options if question else [],
        candidates=question.candidates if question else [],
        rules_version=decision.rules_version,
    )


async def _mailbox(call: ApiCall, name: str) -> UUID:
    """A mailbox of the caller's tenant, by id or address."""
    db = call.services.db
    try:
        located = await mailboxes.locate(db, UUID(name))
    except ValueError:
        located = await mailboxes.locate_address(db, name.lower())
    if located is None or located.tenant_id != call.tenant_id:
        raise NotFound
    return located.mailbox_id


async def _body(call: ApiCall, model: type[B], limit: int = 64 * 1024) -> B:
    raw = bytearray()
    async for chunk in call.request.content.iter_chunked(64 * 1024):
        raw += chunk
        if len(raw) > limit:
            raise Problem(413, f"Send at most {limit} bytes.")
    try:
        return model.model_validate_json(bytes(raw))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors()[:10])
        raise Problem(422, f"This is not what the operation takes: {faults}.") from None


def _actor(call: ApiCall) -> str:
    return f"api:{call.token.name}"[:200]


def _json(model: BaseModel) -> web.Response:
    return web.Response(text=model.model_dump_json(), content_type="application/json")
