"""The operations about where new mail goes: inbound defaults, and whose mail goes to which of them."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from console.api import deciding_models as models
from console.api.answers import cut_answer, json_answer
from console.api.problems import refusing
from console.api.requests import parse
from console.calls import ApiCall
from storage import defaults, destinations


async def list_defaults(call: ApiCall) -> web.Response:
    async with call.session() as session:
        rows = await defaults.listing(session, call.tenant_id)
    items = [models.Defaults.model_validate({**row, "id": row["defaults_id"]}) for row in rows]
    return cut_answer(call.request.query, items)


async def add_defaults(call: ApiCall) -> web.Response:
    return await _save(call, None)


async def change_defaults(call: ApiCall) -> web.Response:
    return await _save(call, call.id("id"))


async def _save(call: ApiCall, defaults_id: UUID | None) -> web.Response:
    body = parse(call, models.DefaultsBody)
    async with call.session() as session:
        with refusing(defaults.Refused):
            saved = await defaults.save(session, call.tenant_id, defaults_id, **dict(body), actor=call.actor)
        rows = await defaults.listing(session, call.tenant_id)
    row = next(row for row in rows if row["defaults_id"] == saved)
    return json_answer(models.Defaults.model_validate({**row, "id": saved}))


async def set_mailbox_defaults(call: ApiCall) -> web.Response:
    body, mailbox_id = parse(call, models.DestinationBody), call.id("id")
    async with call.session() as session:
        with refusing(defaults.Refused):
            await defaults.of_mailbox(session, call.tenant_id, mailbox_id, body.defaults_id, actor=call.actor)
    return json_answer(models.Destination(defaults_id=body.defaults_id))


async def set_client_destination(call: ApiCall) -> web.Response:
    body, client_id = parse(call, models.DestinationBody), call.id("id")
    async with call.session() as session:
        with refusing(destinations.NoDestination):
            await destinations.of_client(session, call.tenant_id, client_id, body.defaults_id, actor=call.actor)
    return json_answer(models.Destination(defaults_id=body.defaults_id))


async def set_contact_destination(call: ApiCall) -> web.Response:
    body, contact_id = parse(call, models.DestinationBody), call.id("id")
    async with call.session() as session:
        with refusing(destinations.NoDestination):
            await destinations.of_contact(session, call.tenant_id, contact_id, body.defaults_id, actor=call.actor)
    return json_answer(models.Destination(defaults_id=body.defaults_id))


async def set_domain_destination(call: ApiCall) -> web.Response:
    body = parse(call, models.DomainDestination)
    async with call.session() as session:
        with refusing(destinations.NoDestination):
            await destinations.of_domain(session, call.tenant_id, body.domain, body.defaults_id, actor=call.actor)
    return json_answer(models.Destination(defaults_id=body.defaults_id))
