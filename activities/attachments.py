"""`store_attachments`: every part of the manifest scanned and into the object store, or skipped with its reason."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from temporalio import activity

from activities.heartbeat import heartbeating
from activities.parse import keys_of, needs_keys
from activities.services import Services
from domain.inbound import InboundEmail
from domain.scanning import Verdict
from storage import attachments, deletions, ledger
from storage.objects import part_key, raw_key


class StoreAttachments:
    def __init__(self, services: Services) -> None:
        self._services = services

    @activity.defn
    async def store_attachments(self, email: InboundEmail) -> None:
        """Safe to repeat: parts are content-addressed, and a part is stored before its row says so."""
        async with heartbeating():
            await self._store(email)

    async def _store(self, email: InboundEmail) -> None:
        services, tenant_id = self._services, email.tenant_id
        found: set[str] = set()
        verdicts: dict[str, Verdict] = {}
        async with services.db.tenant(tenant_id) as session:
            row = await ledger.get(session, tenant_id, email.email_id)
            wanted = await attachments.pending(session, tenant_id, email.email_id)
        if wanted:
            with TemporaryDirectory(prefix="postroom-") as directory:
                await self._extract(email, row["raw_sha256"], Path(directory))
                found = {sha256 for sha256 in wanted if (Path(directory) / sha256).is_file()}
                if services.scanner is not None:
                    verdicts = await services.scanner.files({sha256: Path(directory) / sha256 for sha256 in found})
                for sha256 in found:
                    await services.objects.put(part_key(tenant_id, sha256), Path(directory) / sha256)
        async with services.db.tenant(tenant_id) as session:
            await deletions.hold(session, services.objects, [part_key(tenant_id, sha256) for sha256 in found])
            await attachments.settle(session, tenant_id, email.email_id, found, verdicts)
            await ledger.done(session, tenant_id, email.email_id)

    async def _extract(self, email: InboundEmail, raw_sha256: str, directory: Path) -> None:
        services = self._services
        async with services.parser.turns:
            raw = await services.objects.get(raw_key(email.tenant_id, raw_sha256))
            read = await services.parser.extract(raw, directory)
            if needs_keys(read) and (keys := await keys_of(services, email.tenant_id, email.mailbox_id)):
                await services.parser.extract(raw, directory, keys=keys)
