"""A workflow that does nothing: the floor of what one Temporal server and one worker can carry."""

from temporalio import workflow


@workflow.defn
class DoNothing:
    @workflow.run
    async def run(self) -> None:
        return
