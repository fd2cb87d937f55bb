"""One listener shard: a long activity that Temporal moves to another worker when its own dies or stops."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows import names, steps


@workflow.defn(name=names.LISTENER)
class ListenerWorkflow:
    @workflow.run
    async def run(self, shard: int) -> None:
        # The activity ends when its worker shuts down, and after a day in any case; then another one listens.
        for _ in range(500):
            await steps.LISTEN(shard, f"shard {shard}")
        workflow.continue_as_new(shard)
