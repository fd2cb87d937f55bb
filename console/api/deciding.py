"""The operations about deciding: outbound mail, dry runs, rules, policies, circuits, what was learned."""

from __future__ import annotations

import asyncio
import base64
import binascii
from datetime import UTC, datetime, timedelta
from uuid import UUID

from aiohttp import web

from console.api import deciding_models as models
from console.api.answers import json_answer
from console.api.models import EvidenceLine, Page
from console.api.problems import Problem
from console.api.requests import parse
from console.calls import ApiCall, NotFound
from domain.deciding import Decision
from mail.fields import header_fields
from mail.pool import ParserPool
from storage import associations, dry_run, loops, outbound, policies, rules, tickets

# Dry runs start a parser of their own; more at a time would only slow each other.
_PARSERS = asyncio.Semaphore(2)


async def prepare_outbound(call: ApiCall) -> web.Response:
    ticket_id = call.id("id")
    async with call.session() as session:
        if await tickets.get(session, call.tenant_id, ticket_id) is None:
            raise NotFound
    body = parse(call, models.OutboundRequest)
    async with call.session() as session:
        try:
            prepared = await outbound.prepare(
                session,
                call.services.token_keys,
                call.tenant_id,
                ticket_id,
                body.to,
                actor=call.actor,
                valid_for=timedelta(days=body.valid_days),
            )
        except LookupError:
            raise NotFound from None
    return json_answer(
        models.Outbound(message_id=prepared.message_id, headers=prepared.headers, marker=prepared.marker)
    )


async def explain(call: ApiCall) -> web.Response:
    body = parse(call, models.ExplainRequest)
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
    return json_answer(_explanation(decision))


async def get_rules(call: ApiCall) -> web.Response:
    async with call.session() as session:
        version, rule_set = await rules.current(session, call.tenant_id)
    return json_answer(models.Rules(version=version, rule_set=rule_set))


async def put_rules(call: ApiCall) -> web.Response:
    body = parse(call, models.RulesUpdate)
    async with call.session() as session:
        try:
            version = await rules.save(session, call.tenant_id, body.rule_set, based_on=body.based_on, actor=call.actor)
        except rules.Conflict as error:
            raise Problem(409, f"Nothing was saved: {error}.", kind="version-conflict") from None
    return json_answer(models.Rules(version=version, rule_set=body.rule_set))


async def get_policy(call: ApiCall) -> web.Response:
    async with call.session() as session:
        return json_answer(await policies.tenant(session, call.tenant_id))


async def put_policy(call: ApiCall) -> web.Response:
    policy = parse(call, models.TenantPolicyBody)
    async with call.session() as session:
        await policies.set_tenant(session, call.tenant_id, policy, actor=call.actor)
    return json_answer(policy)


async def get_mailbox_policy(call: ApiCall) -> web.Response:
    async with call.session() as session:
        try:
            return json_answer(await policies.mailbox(session, call.tenant_id, call.id("id")))
        except LookupError:
            raise NotFound from None


async def put_mailbox_policy(call: ApiCall) -> web.Response:
    await get_mailbox_policy(call)
    policy = parse(call, models.MailboxPolicyBody)
    async with call.session() as session:
        await policies.set_mailbox(session, call.tenant_id, call.id("id"), policy, actor=call.actor)
    return json_answer(policy)


async def list_circuits(call: ApiCall) -> web.Response:
    async with call.session() as session:
        rows = await loops.circuits(session, call.tenant_id)
    items = [models.Circuit.model_validate({**row, "id": row["circuit_id"]}) for row in rows]
    return json_answer(Page[models.Circuit](items=items, next=None))


async def reset_circuit(call: ApiCall) -> web.Response:
    async with call.session() as session:
        try:
            await loops.reset(session, call.tenant_id, call.id("id"), actor=call.actor)
        except LookupError:
            raise NotFound from None
        except loops.NotOpen:
            raise Problem(409, "This circuit is closed: there is nothing to reset.") from None
    return await list_circuits(call)


async def list_associations(call: ApiCall) -> web.Response:
    async with call.session() as session:
        rows = await associations.page(session, call.tenant_id)
    items = [models.Association.model_validate(dict(row)) for row in rows]
    return json_answer(Page[models.Association](items=items, next=None))


async def revoke_association(call: ApiCall) -> web.Response:
    body = parse(call, models.AssociationRef)
    async with call.session() as session:
        try:
            await associations.revoke(session, call.tenant_id, body.kind, body.value, actor=call.actor)
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
    """A mailbox of the caller's tenant, by id or address; another tenant may have the same address."""
    async with call.session() as session:
        found: UUID | None = await session.fetchval(
            "select mailbox_id from mailboxes where tenant_id = $1 and $2 in (address, mailbox_id::text)",
            call.tenant_id,
            name.lower(),
        )
    if found is None:
        raise NotFound
    return found
