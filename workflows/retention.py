"""Lets go what the tenants' policies say, pass after pass until nothing is left; started by a schedule once an hour."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows import names, steps


@workflow.defn(name=names.RETENTION)
class RetentionWorkflow:
    @workflow.run
    async def run(self) -> int:
        """How many rows the last stretch let go."""
        rows, more = 0, True
        while more:
            done = await steps.APPLY_RETENTION(None, "what is older than its tenant keeps it")
            rows, more = rows + done.rows, done.more
            if more and workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new()
        return rows
