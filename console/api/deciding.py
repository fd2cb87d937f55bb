"""The operations about deciding: outbound mail, policies, circuits, what was learned."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from console.api import deciding_models as models
from console.api.answers import cut_answer, json_answer
from console.api.problems import Problem
from console.api.requests import parse
from console.calls import ApiCall, NotFound
from storage import associations, loops, outbound, policies, tickets


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
        rows = await loops.circuits(session, call.tenant_id, limit=1000)
    items = [models.Circuit.model_validate({**row, "id": row["circuit_id"]}) for row in rows]
    return cut_answer(call.request.query, items)


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
        rows = await associations.page(session, call.tenant_id, limit=10_000)
    items = [models.Association.model_validate(dict(row)) for row in rows]
    return cut_answer(call.request.query, items)


async def revoke_association(call: ApiCall) -> web.Response:
    body = parse(call, models.AssociationRef)
    async with call.session() as session:
        try:
            await associations.revoke(session, call.tenant_id, body.kind, body.value, actor=call.actor)
        except LookupError:
            raise NotFound from None
    return await list_associations(call)
