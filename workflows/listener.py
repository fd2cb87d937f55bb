"""One listener shard: a long activity that Temporal moves to another worker when its own dies or stops."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from workflows import names, steps


@workflow.defn(name=names.LISTENER)
class ListenerWorkflow:
    @workflow.run
    async def run(self, shard: int) -> None:
        # The activity ends when its worker shuts down, and after a day in any case; then another one listens.
        for _ in range(500):
            try:
                await steps.LISTEN(shard, f"shard {shard}")
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                # The error is the activity's to log; the shard's mailboxes still need a listener.
                await workflow.sleep(timedelta(minutes=1), summary="until it listens again")
        workflow.continue_as_new(shard)
