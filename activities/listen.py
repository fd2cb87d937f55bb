"""`listen`: one shard of the IMAP mailboxes, watched for as long as this worker lives."""

from __future__ import annotations

import asyncio

from temporalio import activity

from activities.heartbeat import heartbeating
from activities.watching import Watching
from domain.runs import Runs
from storage.database import Database
from storage.objects import Objects
from storage.secrets import KeyRing


class Listen:
    """However many shards Temporal hands to this process, one listener serves them."""

    def __init__(
        self,
        db: Database,
        objects: Objects,
        keyring: KeyRing,
        runs: Runs,
        *,
        shards: int,
        allow_private_hosts: bool,
    ) -> None:
        self._watching = Watching(db, objects, keyring, runs, shards=shards, allow_private_hosts=allow_private_hosts)

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
