"""The installation as the console sees it: each part with how it stands and, where something is wrong, what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from console.services import Services
from console.strings import text
from domain.version import VERSION
from storage import figures, loops, migrate
from workflows import names

# Seconds that a part may take to answer; a page does not wait longer for one that is away.
PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class Part:
    """`name` is a word of the catalogue below `system.part.`; `tone` good, warn or bad."""

    name: str
    tone: str
    detail: str
    advice: str = ""


async def parts(services: Services, tenant_id: UUID) -> list[Part]:
    """Postgres has answered already: nobody sees this page without it."""
    async with services.db.tenant(tenant_id) as session:
        known = await figures.installation(session, tenant_id)
        circuits = [row for row in await loops.circuits(session, tenant_id) if row["state"] != "closed"]
    queues, store, scanner = await asyncio.gather(_queues(services, known), _store(services), _scanner(services))
    return [
        Part("release", "good", VERSION),
        _schema(known),
        *queues,
        store,
        *scanner,
        _count("mailboxes", known["refused"]),
        _count("checks", known["unsound"] + known["unchecked"]),
        _count("circuits", len(circuits)),
        _count("watches", known["watches_ending"]),
        _count("tokens", known["tokens_ending"]),
        _keys(services, known),
    ]


def _schema(known: Any) -> Part:
    newest = len(migrate.available())
    detail = text("system.schema", version=known["schema"], postgres=known["postgres"])
    if known["schema"] == newest:
        return Part("schema", "good", detail)
    return Part("schema", "bad", detail, text("system.schema.advice", newest=newest))


async def _queues(services: Services, known: Any) -> list[Part]:
    wanted = [names.MAIL_QUEUE, names.SYNC_QUEUE, names.PROVIDER_QUEUE, names.JOBS_QUEUE]
    if known["imap_mailboxes"]:
        wanted.append(names.LISTENER_QUEUE)
    found = await asyncio.gather(*(_within(services.runs.pollers(queue)) for queue in wanted))
    if all(pollers is None for pollers in found):
        return [Part("temporal", "bad", text("system.temporal.away"), text("system.temporal.advice"))]
    return [
        Part("temporal", "good", text("system.temporal")),
        *(
            Part(f"queue.{queue}", "good", text("system.pollers", n=pollers))
            if pollers
            else Part(f"queue.{queue}", "bad", text("system.pollers.none"), text(f"system.queue.{queue}.advice"))
            for queue, pollers in zip(wanted, found, strict=True)
        ),
    ]


async def _store(services: Services) -> Part:
    async def probe() -> bool:
        await services.objects.probe()
        return True

    if await _within(probe()):
        return Part("objects", "good", text("system.objects"))
    return Part("objects", "bad", text("system.objects.away"), text("system.objects.advice"))


async def _scanner(services: Services) -> list[Part]:
    if services.ask_scanner is None:
        return []
    if scanner := await _within(services.ask_scanner()):
        return [Part("scanner", "good", text("system.scanner", version=scanner))]
    return [Part("scanner", "bad", text("system.scanner.away"), text("system.scanner.advice"))]


def _count(name: str, n: int) -> Part:
    """A part that is well when there is none of what it counts."""
    if not n:
        return Part(name, "good", text(f"system.{name}.none"))
    return Part(name, "warn", text(f"system.{name}.some", n=n), text(f"system.{name}.advice"))


def _keys(services: Services, known: Any) -> Part:
    """Secrets that an older master key seals keep that key in the ring for ever."""
    current = services.keyring.current
    older = sum(n for key_id, n in known["sealed_by_key"].items() if key_id != current)
    detail = text("system.keys", id=current, n=known["sealed_by_key"].get(current, 0))
    if older:
        return Part("keys", "warn", text("system.keys.older", n=older), text("system.keys.advice"))
    return Part("keys", "good", detail)


async def _within(question: Awaitable[Any]) -> Any:
    """The answer; None where there is none in time."""
    try:
        return await asyncio.wait_for(question, PATIENCE)
    except Exception:  # whatever keeps it from answering, it is away
        return None
