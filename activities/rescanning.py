"""Parts that were not scanned when they came are scanned once the scanner is there."""

from __future__ import annotations

import time
from collections.abc import Iterable
from uuid import UUID

from activities.scanner import Scanner
from activities.services import Services
from domain.metrics import SCANNED_PARTS
from storage import attachments
from storage.objects import part_key

# Seconds of one stretch, and parts of each tenant in a row; the next stretch goes on.
STRETCH = 120.0
BATCH = 100


async def scan_again(services: Services, scanner: Scanner, tenants: Iterable[UUID]) -> None:
    """Ends when nothing is left, when the time is up, or when nobody answers."""
    until, waiting = time.monotonic() + STRETCH, list(tenants)
    while waiting:
        # In turns, so that nobody waits for all of somebody else's.
        tenant_id = waiting.pop(0)
        async with services.db.tenant(tenant_id) as session:
            rows = await attachments.unscanned(session, tenant_id, scanner.max_bytes, BATCH)
        for row in rows:
            if time.monotonic() > until:
                return
            content = services.objects.stream(part_key(tenant_id, row["sha256"]))
            verdict = await scanner.scan(content, row["size"])
            if verdict.reason == "no_scanner":
                return
            SCANNED_PARTS.labels(verdict.word).inc()
            async with services.db.tenant(tenant_id) as session:
                await attachments.judge(session, tenant_id, row["sha256"], verdict)
        if len(rows) == BATCH:
            waiting.append(tenant_id)
