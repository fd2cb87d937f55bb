"""`listen`: one shard of the IMAP mailboxes, watched for as long as this worker lives."""

from __future__ import annotations

import asyncio

from temporalio import activity

from activities.heartbeat import heartbeating
from activities.watching import Watching


class Listen:
    """However many shards Temporal hands to this process, one listener serves them."""

    def __init__(self, watching: Watching) -> None:
        self._watching = watching

    @activity.defn
    async def listen(self, shard: int) -> None:
        """Returns when its worker is asked to stop, so that another one takes the shard over at once."""
        stopping = asyncio.create_task(activity.wait_for_worker_shutdown())
        try:
            async with heartbeating(), self._watching.serving(shard) as watching:
                await asyncio.wait({stopping, watching}, return_when=asyncio.FIRST_COMPLETED)
                if watching.done():
                    watching.result()
        finally:
            stopping.cancel()
