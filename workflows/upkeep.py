"""What is to be done from time to time for all mailboxes; started by the schedule of the same name."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows import names, steps


@workflow.defn(name=names.UPKEEP)
class UpkeepWorkflow:
    @workflow.run
    async def run(self) -> int:
        """How many mailboxes are being compared with their source now."""
        return await steps.LOOK_AFTER_MAILBOXES(None, "checks that are due, hours that have ended")
