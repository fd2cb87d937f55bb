"""`postroom explain FILE --mailbox M` and `postroom rules replay --since DATE`: dry runs that change nothing."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from domain.deciding import Decision
from mail.fields import header_fields
from mail.pool import ParserPool
from storage import dry_run, tenants
from storage.database import Database
from storage.evidence import HeaderLoader, Headers
from storage.objects import Objects, raw_key
from storage.secrets import KeyRing
from workers.command import locate
from workers.settings import Settings


async def run(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    """`args.file` (`-` is standard input), `args.mailbox` (address or id), `args.json`. Prints the decision record."""
    located = await locate(db, args.mailbox)
    raw = await asyncio.to_thread(_read, str(args.file))
    pool = ParserPool(processes=1)
    await pool.start()
    try:
        email = await pool.parse(raw, received_at=datetime.now(UTC))
    finally:
        await pool.close()
    async with db.tenant(located.tenant_id) as session:
        decision = await dry_run.explain(
            session, _keys(settings), located.tenant_id, located.mailbox_id, raw, email, header_fields(raw)
        )
    print(decision.model_dump_json(indent=2) if args.json else text(decision))
    return 0


async def replay(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    """`args.since` (an aware datetime), `args.json`. Prints a line per past mail that would land elsewhere."""
    objects = Objects(settings.objects_url)
    count = 0
    for tenant_id in await tenants.ids(db):

        def headers_of(_: UUID, sha256: str | None, tenant_id: UUID = tenant_id) -> HeaderLoader:
            async def load() -> Headers:
                return header_fields(await objects.get(raw_key(tenant_id, sha256))) if sha256 else {}

            return load

        async for difference in dry_run.replay_rules(db, _keys(settings), tenant_id, args.since, headers_of):
            if difference is not None:
                count += 1
                print(_line(difference, as_json=args.json))
    if not args.json:
        print(f"{count} message(s) would land elsewhere." if count else "Every message would land where it did.")
    return 0


def text(decision: Decision) -> str:
    """A decision record as a person reads it in a terminal."""
    outcome = {
        "create": "a new ticket",
        "append": "a comment",
        "ask": "a question for a person",
        "wait": "wait for another mail to be decided",
        "exclude": f"excluded ({decision.reason})",
        "discard": "discarded",
        "duplicate": "a duplicate of a message that was processed",
    }[decision.action]
    lines = [f"Outcome: {outcome}", *(f"  {line.looked_at}: {line.result}" for line in decision.evidence)]
    if decision.question is not None:
        lines.append(f"Question: {decision.question.text}")
        lines += [
            f"  {'*' if option.id == decision.question.default else '-'} {option.label}"
            for option in decision.question.options
        ]
    if decision.flags:
        lines.append(f"Flags: {', '.join(decision.flags)}")
    if decision.rules_version:
        lines.append(f"Rules: version {decision.rules_version}")
    return "\n".join(lines)


def _line(difference: dry_run.Difference, *, as_json: bool) -> str:
    if as_json:
        fields = {name: str(getattr(difference, name)) for name in difference.__slots__}
        return json.dumps(fields, ensure_ascii=False)
    when = difference.received_at.strftime("%Y-%m-%d %H:%M")
    return f"{when}  {difference.message_key}\n    was:      {difference.was}\n    would be: {difference.would_be}"


def _read(file: str) -> bytes:
    return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()


def _keys(settings: Settings) -> dict[str, bytes]:
    return KeyRing(settings.master_keys.get_secret_value()).derive("reply-token")
