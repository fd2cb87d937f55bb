"""What pages and API do with mailboxes: the row and the audit log first, then the mailbox's own workflow."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from console.calls import Call, NotFound
from domain import webhook_secret
from domain.mailbox_jobs import JobKind, MailboxJob
from domain.runs import NotRunning
from storage import audit, mailbox_admin, mailbox_jobs, mailbox_views
from workflows import names

if TYPE_CHECKING:
    from storage.database import Session

# A person who has clicked waits this long for Temporal.
PATIENCE = 5.0

log = structlog.get_logger("console.mailboxes")


class TemporalAway(Exception):
    """Temporal does not answer, so nothing was changed."""


async def pause(call: Call, mailbox_id: UUID) -> None:
    """Raises NotFound and TemporalAway, as all of these do."""
    async with _changing(call) as session:
        await mailbox_admin.pause(session, call.tenant_id, mailbox_id, actor=call.actor)
        await _tell(call, mailbox_id, names.PAUSE)


async def resume(call: Call, mailbox_id: UUID) -> None:
    async with _changing(call) as session:
        await mailbox_admin.resume(session, call.tenant_id, mailbox_id, actor=call.actor)
        await _tell(call, mailbox_id, names.RESUME)


async def resync(call: Call, mailbox_id: UUID, since: datetime) -> None:
    """Everything since a day is listed again; what is known stays as it is."""
    async with _changing(call) as session:
        await mailbox_admin.resync(session, call.tenant_id, mailbox_id, since, actor=call.actor)
        await _tell(call, mailbox_id, names.RESYNC, since)


async def look(call: Call) -> int:
    """Has every mailbox that is read look for new mail now; how many those are. Raises TemporalAway."""
    async with call.session() as session:
        boxes = [box for box in await mailbox_views.page(session, call.tenant_id) if box["state"] == "active"]
        await audit.record(session, call.tenant_id, call.actor, "look_for_mail", "mailboxes", {"asked": len(boxes)})
        for box in boxes:
            await _tell(call, box["mailbox_id"], names.NOTIFY, "")
    return len(boxes)


async def remove(call: Call, mailbox_id: UUID) -> None:
    """Its notifications at the source are ended by a worker, later where Temporal cannot be told at once."""
    async with _changing(call) as session:
        job = await mailbox_admin.remove(session, call.tenant_id, mailbox_id, actor=call.actor)
        await _patiently(call.services.runs.end_mailbox(mailbox_id))
    if job is not None:
        with suppress(TemporalAway):
            await _patiently(call.services.runs.start_job(job))


async def connect(call: Call, mailbox_id: UUID, settings: dict[str, Any], secret: dict[str, Any]) -> None:
    """New settings over the old ones, and new credentials; the parts of a secret that are not given stay."""
    async with _changing(call) as session:
        mailbox = await mailbox_admin.find(session, call.tenant_id, mailbox_id)
        keyring = call.services.keyring
        before = mailbox.secret(keyring) if mailbox.sealed_secret else {}
        if new := secret.get("webhook_secret"):
            secret = webhook_secret.rotated(before, new, datetime.now(UTC))
        else:
            secret = {**before, **secret}
        sealed = keyring.seal(
            json.dumps(secret).encode(), tenant_id=call.tenant_id, table="mailboxes", row=str(mailbox_id)
        )
        whole = {**mailbox.settings, **settings}
        await mailbox_admin.connect(session, call.tenant_id, mailbox_id, whole, sealed, actor=call.actor)
        if mailbox.state != "draft":
            await _tell(call, mailbox_id, names.CREDENTIALS_CHANGED)


async def start_job(
    call: Call,
    mailbox_id: UUID,
    kind: JobKind,
    *,
    since: datetime | None = None,
    repair: bool = False,
    sealed: str = "",
) -> UUID:
    """Has a worker do it; the id of the job it writes its findings to. `sealed` is for the worker. Raises NotFound."""
    async with _changing(call) as session:
        mailbox = await mailbox_admin.find(session, call.tenant_id, mailbox_id)
        job_id = await mailbox_jobs.create(session, call.tenant_id, mailbox_id, kind, call.actor)
        if sealed:
            whole = call.services.keyring.seal(
                sealed.encode(), tenant_id=call.tenant_id, table="mailbox_jobs", row=str(job_id)
            )
            await mailbox_jobs.keep_sealed(session, call.tenant_id, job_id, whole)
        await audit.record(
            session, call.tenant_id, call.actor, "examine_mailbox", f"mailbox/{mailbox_id}",
            {"kind": kind, "repair": repair, "since": since.date().isoformat() if since else None},
        )  # fmt: skip
    job = MailboxJob(
        tenant_id=call.tenant_id,
        job_id=job_id,
        mailbox_id=mailbox_id,
        provider=mailbox.provider,
        kind=kind,
        since=since,
        repair=repair,
    )
    try:
        # After the commit: the worker looks for the row.
        await _patiently(call.services.runs.start_job(job))
    except TemporalAway:
        async with call.session() as session:
            away = {"error": "Temporal cannot be reached, so no worker could be asked. Try again when it is back."}
            await mailbox_jobs.finish(session, call.tenant_id, job_id, failed=True, result=away)
    return job_id


@asynccontextmanager
async def _changing(call: Call) -> AsyncIterator[Session]:
    async with call.session() as session:
        try:
            yield session
        except LookupError:
            raise NotFound from None


async def _tell(call: Call, mailbox_id: UUID, signal: str, *arguments: object) -> None:
    """Within the transaction of the change: where the workflow cannot be told, nothing has changed."""
    await _patiently(call.services.runs.change_mailbox(mailbox_id, signal, *arguments))


async def _patiently(telling: Any) -> None:
    try:
        await asyncio.wait_for(telling, PATIENCE)
    except NotRunning:
        # The worker starts it as the row says, as soon as there is one.
        log.info("the mailbox has no workflow yet")
    except Exception as error:
        log.warning("Temporal could not be told", error=type(error).__name__)
        raise TemporalAway from None
