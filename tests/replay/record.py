"""`python -m tests.replay.record [NAME…]`: plays the scenarios in a real house, writes tests/replay/histories/*.json.

With names, only those. Record one again only with a change that runs which are already open survive (`patched`, or a
new name): the old histories stand for those runs. Keep an old file beside the new one as long as such runs may live.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

from storage.database import Database
from tests import postgres, temporal_server
from tests.house import open_house
from tests.replay.scenarios import play, scrubbed

HISTORIES = Path(__file__).parent / "histories"


async def record(database_url: str, temporal_address: str, scratch: Path, wanted: Collection[str]) -> None:
    db = await Database.connect(database_url)
    async with open_house(db, temporal_address, scratch / "objects") as house:
        async for name, history in play(house, scratch / "imap"):
            if wanted and name not in wanted:
                continue
            (HISTORIES / f"{name}.json").write_text(scrubbed(history), "utf-8")
            print(f"{name}: {len(history.events)} events")
    await db.close()


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="postroom-record-") as scratch,
        postgres.server() as server,
        temporal_server.server() as temporal,
    ):
        asyncio.run(postgres.migrated_template(server))
        url = asyncio.run(postgres.fresh_database(server))
        asyncio.run(record(url, temporal.address, Path(scratch), sys.argv[1:]))


if __name__ == "__main__":
    main()
