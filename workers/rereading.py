"""Encrypted mail that was kept, read anew once a key is there: its content, its comment and its attachments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from domain.email import ParsedEmail
from domain.identity import derived_id
from domain.mail_keys import MailKey
from mail.pool import ParserPool
from storage import deletions, mail_keys
from storage.database import Database
from storage.objects import Objects, part_key, raw_key
from storage.secrets import KeyRing


@dataclass(frozen=True, slots=True)
class Reread:
    """How many kept mails were encrypted, and how many of them opened."""

    found: int
    opened: int


async def reread(
    db: Database,
    keyring: KeyRing,
    objects: Objects,
    parser: ParserPool,
    tenant_id: UUID,
    mailbox_id: UUID,
    *,
    scanning: bool,
) -> Reread:
    """Opens what the mailbox's keys open. Safe to repeat; what stays locked is left as it is.

    `scanning`: there is a virus scanner, which is to see the attachments first.
    """
    async with db.tenant(tenant_id) as session:
        keys = await mail_keys.of_mailbox(session, keyring, tenant_id, mailbox_id)
        rows = await session.fetch(
            """select e.email_id, e.raw_sha256, e.received_at from emails e
                 join email_contents c using (tenant_id, email_id)
                where e.tenant_id = $1 and e.mailbox_id = $2 and e.raw_sha256 is not null
                  and e.raw_deleted_at is null and c.parsed->'problems' @> '[{"code": "encrypted"}]' order by e.seq""",
            tenant_id,
            mailbox_id,
        )
    opened = 0
    for row in rows:
        opened += await _open(db, objects, parser, tenant_id, row, keys, scanning=scanning)
    return Reread(len(rows), opened)


async def _open(
    db: Database,
    objects: Objects,
    parser: ParserPool,
    tenant_id: UUID,
    row: Any,
    keys: Sequence[MailKey],
    *,
    scanning: bool,
) -> bool:
    raw = await objects.get(raw_key(tenant_id, row["raw_sha256"]))
    with TemporaryDirectory(prefix="postroom-") as directory:
        email = await parser.extract(raw, Path(directory), received_at=row["received_at"], keys=keys)
        if any(problem.code == "encrypted" for problem in email.problems):
            return False
        found = [s for s in {a.sha256 for a in email.attachments} if (Path(directory) / s).is_file()]
        for sha256 in found:
            await objects.put(part_key(tenant_id, sha256), Path(directory) / sha256)
    async with db.tenant(tenant_id) as session:
        await deletions.hold(session, objects, [part_key(tenant_id, sha256) for sha256 in found])
        await _store(session, tenant_id, row["email_id"], email, scanning=scanning)
    return True


async def _store(session: Any, tenant_id: UUID, email_id: UUID, email: ParsedEmail, *, scanning: bool) -> None:
    await session.execute(
        "update email_contents set parsed = $3 where tenant_id = $1 and email_id = $2",
        tenant_id,
        email_id,
        email.model_dump(mode="json"),
    )
    comment_id = await session.fetchval(
        "update comments set text = $3 where tenant_id = $1 and email_id = $2 returning comment_id",
        tenant_id,
        email_id,
        email.reply_text or email.text,
    )
    if comment_id is None:
        return
    known = await session.fetch(
        "select sha256, position from attachments where tenant_id = $1 and email_id = $2", tenant_id, email_id
    )
    stored = {row["sha256"] for row in known}
    first = max((row["position"] + 1 for row in known), default=0)
    await session.executemany(
        """insert into attachments (tenant_id, attachment_id, email_id, comment_id, position, filename, content_type,
                                    size, sha256, content_id, inline, state, reason)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)""",
        [
            (
                tenant_id,
                derived_id(email_id, f"attachment/{position}"),
                email_id,
                comment_id,
                position,
                attachment.filename,
                attachment.content_type,
                attachment.size,
                attachment.sha256,
                attachment.content_id,
                attachment.inline,
                # Upkeep has it scanned within minutes.
                "unscanned" if scanning else "stored",
                "no_scanner" if scanning else "",
            )
            for position, attachment in enumerate(
                (attachment for attachment in email.attachments if attachment.sha256 not in stored), start=first
            )
        ],
    )
