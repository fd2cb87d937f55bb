"""Work on one mailbox that was asked for. What it finds is written to Postgres, where whoever asked can watch it."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.mailbox_jobs import MailboxJob
    from workflows import names, steps


@workflow.defn(name=names.MAILBOX_JOB)
class MailboxJobWorkflow:
    @workflow.run
    async def run(self, job: MailboxJob) -> None:
        await steps.RUN_MAILBOX_JOB(job, job.kind)
