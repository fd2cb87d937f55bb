"""A listener shard: when its activity ends, another one listens."""

from __future__ import annotations

import asyncio

from temporalio.client import WorkflowExecutionStatus

from tests.workflows.stage import Stage, for_good
from workflows import names


async def test_it_listens_again_whenever_listening_ends(stage: Stage) -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    stage.answers(listen=[None, None, lambda shard: forever()])
    run = await stage.client.start_workflow(names.LISTENER, 3, id="listener", task_queue=names.MAIL_QUEUE)
    assert await stage.until_called("listen", 3) == 3
    await run.terminate()


async def test_a_lost_connection_is_listened_for_again(stage: Stage) -> None:
    stage.answers(listen=[OSError("reset"), OSError("reset"), lambda shard: asyncio.Event().wait()])
    run = await stage.client.start_workflow(names.LISTENER, 0, id="listener", task_queue=names.MAIL_QUEUE)
    await stage.until_called("listen", 3)
    await run.terminate()


async def test_a_failure_that_no_retry_mends_does_not_end_the_shard(stage: Stage) -> None:
    stage.answers(listen=[for_good(), lambda shard: asyncio.Event().wait()])
    run = await stage.client.start_workflow(names.LISTENER, 0, id="listener", task_queue=names.MAIL_QUEUE)
    # Awaiting the result is what lets the clock jump; it ends only with the run.
    ended = asyncio.create_task(run.result())
    await stage.until_called("listen", 2)
    assert (await run.describe()).status == WorkflowExecutionStatus.RUNNING
    await run.terminate()
    await asyncio.wait({ended})


async def test_it_continues_as_new_after_many_rounds(stage: Stage) -> None:
    run = await stage.client.start_workflow(names.LISTENER, 0, id="listener", task_queue=names.MAIL_QUEUE)
    first = (await run.describe()).run_id

    async def continued() -> bool:
        return (await run.describe()).run_id != first

    await stage.until(continued)
    assert len(stage.asked("listen")) >= 500
    await run.terminate()
