"""`run_mailbox_job`: one piece of work on a mailbox, its findings written down as they are made."""

from __future__ import annotations

import contextlib
import time

from temporalio import activity
from temporalio.service import RPCError

from activities.consent import Consents
from activities.diagnosis import diagnose
from activities.disconnect import disconnect
from activities.heartbeat import heartbeating
from activities.reconcile import Progress, Reconciler
from activities.services import Services
from activities.sources import Sources
from domain.mailbox_jobs import Comparison, Finding, FormerAccess, MailboxJob
from domain.runs import NotRunning
from providers.base import ProviderError
from storage import mailbox_jobs
from storage.database import TRANSIENT

# Seconds between two notes of how far a long job is.
NOTE_EVERY = 1.0


class MailboxJobs:
    def __init__(self, services: Services, sources: Sources) -> None:
        self._services = services
        self._db = services.db
        self._sources = sources
        self._reconciler = Reconciler(services.db, services.runs, sources)
        self._consents = Consents(services.db, sources, services.public_url)

    @activity.defn
    async def run_mailbox_job(self, job: MailboxJob) -> None:
        """A job that fails says so in its row; only a database or a Temporal that is away makes it run again."""
        async with heartbeating():
            try:
                result = await self._run(job)
            except (RPCError, *TRANSIENT):
                raise
            except ProviderError as error:
                await self._finish(job, failed=True, result={"error": str(error)})
            except Exception as error:
                activity.logger.warning("mailbox job failed: %s", type(error).__name__)
                await self._finish(job, failed=True, result={"error": "It stopped before its end; the log says why."})
            else:
                await self._finish(job, failed=False, result=result)

    async def _run(self, job: MailboxJob) -> dict[str, object]:
        if job.kind == "diagnose":
            return await self._diagnose(job)
        if job.kind == "consent":
            return await self._consents.ask(job)
        if job.kind == "redeem":
            agreed = await self._consents.redeem(job)
            with contextlib.suppress(NotRunning):  # it is being set up still
                await self._services.runs.change_mailbox(job.mailbox_id, "credentials_changed")
            return agreed
        if job.kind == "disconnect":
            await self._disconnect(job)
            return {}
        if job.kind == "count":
            assert job.since is not None
            counted = await self._reconciler.count(job.tenant_id, job.mailbox_id, job.since, self._progress(job))
            return counted.model_dump(mode="json")
        compared = await self._reconciler.reconcile(
            job.tenant_id, job.mailbox_id, since=job.since, repair=job.repair, progress=self._progress(job)
        )
        return compared.model_dump(mode="json")

    async def _diagnose(self, job: MailboxJob) -> dict[str, object]:
        findings: list[Finding] = []
        async for step in diagnose(self._db, self._sources, job.tenant_id, job.mailbox_id):
            findings.append(Finding(name=step.name, works=step.works, detail=step.detail, advice=step.advice))
            async with self._db.tenant(job.tenant_id) as session:
                await mailbox_jobs.found(session, job.tenant_id, job.job_id, findings)
        return {"works": all(finding.works for finding in findings)}

    async def _disconnect(self, job: MailboxJob) -> None:
        async with self._db.tenant(job.tenant_id) as session:
            row = await mailbox_jobs.get(session, job.tenant_id, job.job_id)
        if row is None:
            return
        try:
            former = FormerAccess.model_validate(row["result"])
            await disconnect(self._db, self._sources, job.tenant_id, job.mailbox_id, former, row["sealed"])
        except TRANSIENT:
            raise
        except Exception as error:
            activity.logger.warning("a removed mailbox's notifications were not ended: %s", type(error).__name__)
        async with self._db.tenant(job.tenant_id) as session:
            await mailbox_jobs.forget(session, job.tenant_id, job.job_id)

    def _progress(self, job: MailboxJob) -> Progress:
        noted = 0.0

        async def note(found: Comparison) -> None:
            nonlocal noted
            if time.monotonic() - noted < NOTE_EVERY:
                return
            noted = time.monotonic()
            async with self._db.tenant(job.tenant_id) as session:
                await mailbox_jobs.progress(session, job.tenant_id, job.job_id, found.model_dump(mode="json"))

        return note

    async def _finish(self, job: MailboxJob, *, failed: bool, result: dict[str, object]) -> None:
        async with self._db.tenant(job.tenant_id) as session:
            await mailbox_jobs.finish(session, job.tenant_id, job.job_id, failed=failed, result=result)
