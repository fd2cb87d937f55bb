"""Where events are sent to other systems, and what could not be delivered there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aiohttp import web

from console.calls import NotFound, PageCall
from console.pages.answers import back
from console.templating import render
from domain.events import EVENT_KINDS, RETRY_AFTER
from storage import audit, events

if TYPE_CHECKING:
    from storage.database import Session

# As many dead letters as a page shows.
_SHOWN = 100


async def listing(call: PageCall) -> web.Response:
    return await _listing(call)


async def add(call: PageCall) -> web.Response:
    """Adds one, and shows its secret this once."""
    form = await call.request.post()
    url, kinds = str(form.get("url", "")).strip(), [kind for kind in EVENT_KINDS if kind in form.getall("kinds", [])]
    if not _is_url(url) or not kinds:
        return await _listing(call, status=422, invalid=True, given={**form, "kinds": kinds})
    async with call.session() as session:
        endpoint_id, secret = await events.add_endpoint(
            session, call.services.keyring, call.tenant_id, url, kinds, str(form.get("description", ""))[:200]
        )
        await audit.record(
            session,
            call.tenant_id,
            call.actor,
            "add_event_endpoint",
            f"event-endpoint/{endpoint_id}",
            {"url": url, "kinds": kinds},
        )
    return await _listing(call, secret=secret)


async def show(call: PageCall) -> web.Response:
    async with call.session() as session:
        endpoint = await _existing(session, call)
        letters = await events.dead_letters(session, call.tenant_id, endpoint.endpoint_id, limit=_SHOWN)
    return await render(call, "event_endpoint.html", endpoint=endpoint, letters=letters)


async def set_state(call: PageCall) -> web.Response:
    form = await call.request.post()
    state = "paused" if form.get("state") == "paused" else "active"
    async with call.session() as session:
        endpoint = await _existing(session, call)
        await events.set_state(session, call.tenant_id, endpoint.endpoint_id, state)
        await _record(session, call, "set_event_endpoint_state", endpoint, {"state": state})
    return back(f"/event-endpoints/{endpoint.endpoint_id}")


async def remove(call: PageCall) -> web.Response:
    async with call.session() as session:
        endpoint = await _existing(session, call)
        await events.remove_endpoint(session, call.tenant_id, endpoint.endpoint_id)
        await _record(session, call, "remove_event_endpoint", endpoint, {"url": endpoint.url})
    return back("/event-endpoints")


async def retry(call: PageCall) -> web.Response:
    async with call.session() as session:
        endpoint = await _existing(session, call)
        retried = await events.retry(session, call.tenant_id, endpoint.endpoint_id)
        await _record(session, call, "retry_events", endpoint, {"retried": retried})
    return back(f"/event-endpoints/{endpoint.endpoint_id}")


async def _listing(
    call: PageCall,
    *,
    status: int = 200,
    invalid: bool = False,
    secret: str = "",
    given: dict[str, Any] | None = None,
) -> web.Response:
    async with call.session() as session:
        found = await events.endpoints(session, call.tenant_id)
    return await render(
        call,
        "event_endpoints.html",
        status=status,
        endpoints=found,
        kinds=EVENT_KINDS,
        attempts=len(RETRY_AFTER) + 1,
        invalid=invalid,
        given=given or {"kinds": EVENT_KINDS},
        secret=secret,
    )


async def _existing(session: Session, call: PageCall) -> events.Endpoint:
    found = await events.endpoint(session, call.tenant_id, call.id("id"))
    if found is None:
        raise NotFound
    return found


async def _record(
    session: Session, call: PageCall, action: str, endpoint: events.Endpoint, detail: dict[str, object]
) -> None:
    await audit.record(session, call.tenant_id, call.actor, action, f"event-endpoint/{endpoint.endpoint_id}", detail)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return len(text) <= 2000 and parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
