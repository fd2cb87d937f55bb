"""`postroom events tail`: what subscribers are told, as it happens."""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any

from storage import events, tenants
from storage.database import Database
from workers.settings import Settings

_LOOK_EVERY = 0.5
_PAGE = 200


async def tail(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    """Prints until it is interrupted."""
    known, seen = await tenants.ids(db), {}
    for tenant_id in known:
        async with db.tenant(tenant_id) as session:
            seen[tenant_id] = await events.before_last(session, tenant_id, args.last, args.kind or ())
    while True:
        for tenant_id in known:
            async with db.tenant(tenant_id) as session:
                rows = await events.listed(
                    session, tenant_id, after=seen[tenant_id], kinds=args.kind or (), limit=_PAGE
                )
            for row in rows:
                print(_line(row, as_json=args.json), flush=True)
                seen[tenant_id] = row["seq"]
        if args.no_follow:
            return 0
        await asyncio.sleep(_LOOK_EVERY)


def _line(row: dict[str, Any], *, as_json: bool) -> str:
    moment, data = row["created_at"], row["data"]
    if as_json:
        return json.dumps(
            {"id": str(row["event_id"]), "type": row["kind"], "timestamp": moment.isoformat(), "data": data}
        )
    words = " ".join(f"{name}={value}" for name, value in data.items() if value is not None)
    return f"{moment:%Y-%m-%d %H:%M:%S}  {row['kind']:<15}  {words}"
