"""Many large mails at once: few of them are in a worker's memory, and all are read."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.parse import ParseMessage
from storage import ledger
from storage.ledger import Sighting
from storage.objects import raw_key
from tests.integration.console.site import Site
from tests.letters import letter

MAILS = 12


async def test_hardly_more_large_mails_are_held_than_are_parsed(site: Site) -> None:
    held = most = 0

    async def get(key: str) -> bytes:
        nonlocal held, most
        held += 1
        most = max(most, held)
        return await site.objects.get(key)

    async def parse(raw: bytes, **options: Any) -> Any:
        nonlocal held
        try:
            return await site.parser.parse(raw, **options)
        finally:
            held -= 1

    objects: Any = SimpleNamespace(get=get)
    parser: Any = SimpleNamespace(parse=parse, turns=site.parser.turns)
    services = replace(site.activity_services(), objects=objects, parser=parser)
    sightings = []
    for number in range(MAILS):
        raw = letter("a@example.com", f"Mail {number}", attachments=[("a.bin", b"x" * 300_000)]).as_bytes()
        sha256 = hashlib.sha256(raw).hexdigest()
        await site.objects.put(raw_key(site.tenant.tenant_id, sha256), raw)
        sightings.append(Sighting(sha256, f"{number}@example.com", raw_sha256=sha256, raw_size=len(raw)))
    async with site.db.tenant(site.tenant.tenant_id) as session:
        rows = await ledger.list_emails(session, site.tenant.tenant_id, site.tenant.mailbox_id, "smtp", sightings)
    step = ParseMessage(services).parse_message
    read = await asyncio.gather(*(ActivityEnvironment().run(step, row.email) for row in rows))
    assert [result.attachments for result in read] == [1] * MAILS
    assert most <= 2  # the one process, and one more
