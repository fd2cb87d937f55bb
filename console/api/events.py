"""The operations about outgoing events: the feed, its subscribers, and what could not be delivered."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

from console.api import event_models as models
from console.api import paging
from console.api.answers import cut_answer, json_answer, page_answer
from console.api.models import Page
from console.api.paging import PageQuery
from console.api.requests import parse
from console.calls import ApiCall, NotFound
from storage import audit, events

if TYPE_CHECKING:
    from storage.database import Session


async def list_events(call: ApiCall) -> web.Response:
    query = paging.parse(models.EventQuery, call.request.query)
    after = paging.decode(query.cursor, paging.sequence)
    async with call.session() as session:
        rows = await events.listed(
            session,
            call.tenant_id,
            after=after[0] if after else 0,
            kinds=[query.kind] if query.kind else [],
            limit=query.limit,
        )
    # The feed goes on: even its last page says where the next look begins.
    last = paging.encode([rows[-1]["seq"]]) if rows else query.cursor
    return json_answer(Page[models.Event](items=[_event(row, models.Event) for row in rows], next=last))


async def list_event_endpoints(call: ApiCall) -> web.Response:
    async with call.session() as session:
        found = await events.endpoints(session, call.tenant_id)
    return cut_answer(call.request.query, [_endpoint(e) for e in found])


async def add_event_endpoint(call: ApiCall) -> web.Response:
    body = parse(call, models.EventEndpointRequest)
    async with call.session() as session:
        endpoint_id, secret = await events.add_endpoint(
            session, call.services.keyring, call.tenant_id, str(body.url), body.kinds, body.description
        )
        await audit.record(
            session,
            call.tenant_id,
            call.actor,
            "add_event_endpoint",
            f"event-endpoint/{endpoint_id}",
            {"url": str(body.url), "kinds": body.kinds},
        )
    return json_answer(models.NewEventEndpoint(id=endpoint_id, secret=secret))


async def set_event_endpoint_state(call: ApiCall) -> web.Response:
    endpoint_id = call.id("id")
    async with call.session() as session:
        await _existing(session, call)
        body = parse(call, models.EventEndpointState)
        await events.set_state(session, call.tenant_id, endpoint_id, body.state)
        await audit.record(
            session,
            call.tenant_id,
            call.actor,
            "set_event_endpoint_state",
            f"event-endpoint/{endpoint_id}",
            {"state": body.state},
        )
        return json_answer(_endpoint(await _existing(session, call)))


async def remove_event_endpoint(call: ApiCall) -> web.Response:
    endpoint_id = call.id("id")
    async with call.session() as session:
        removed = await _existing(session, call)
        await events.remove_endpoint(session, call.tenant_id, endpoint_id)
        await audit.record(
            session, call.tenant_id, call.actor, "remove_event_endpoint", f"event-endpoint/{endpoint_id}"
        )
    return json_answer(_endpoint(removed))


async def list_dead_letters(call: ApiCall) -> web.Response:
    query = paging.parse(PageQuery, call.request.query)
    after = paging.decode(query.cursor, paging.sequence)
    endpoint_id = call.id("id")
    async with call.session() as session:
        await _existing(session, call)
        rows = await events.dead_letters(
            session, call.tenant_id, endpoint_id, after=after[0] if after else 0, limit=query.limit + 1
        )
    return page_answer([_event(row, models.DeadLetter) for row in rows], rows, query.limit, lambda row: [row["seq"]])


async def retry_dead_letters(call: ApiCall) -> web.Response:
    endpoint_id = call.id("id")
    async with call.session() as session:
        await _existing(session, call)
        body = parse(call, models.EventRetry)
        retried = await events.retry(session, call.tenant_id, endpoint_id, body.seq)
        await audit.record(
            session,
            call.tenant_id,
            call.actor,
            "retry_events",
            f"event-endpoint/{endpoint_id}",
            {"retried": retried},
        )
    return json_answer(models.EventsRetried(retried=retried))


async def _existing(session: Session, call: ApiCall) -> events.Endpoint:
    found = await events.endpoint(session, call.tenant_id, call.id("id"))
    if found is None:
        raise NotFound
    return found


def _event(row: dict[str, Any], model: type[models.Event] | type[models.DeadLetter]) -> Any:
    return model.model_validate({**row, "id": row["event_id"]})


def _endpoint(endpoint: events.Endpoint) -> models.EventEndpoint:
    return models.EventEndpoint(id=endpoint.endpoint_id, **asdict(endpoint))
