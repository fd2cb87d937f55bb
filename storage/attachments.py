"""The attachments of a message: its manifest, and what became of each part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, get_args
from uuid import UUID

from domain.scanning import WORDS, Verdict
from storage import audit

if TYPE_CHECKING:
    from storage.database import Session

# States of parts that are kept for administrators only.
Locked = Literal["infected", "unscanned"]
LOCKED: Final[tuple[Locked, ...]] = get_args(Locked)


async def pending(session: Session, tenant_id: UUID, email_id: UUID) -> set[str]:
    """The sha256 of every part that is not stored yet."""
    rows = await session.fetch(
        "select distinct sha256 from attachments where tenant_id = $1 and email_id = $2 and state = 'pending'",
        tenant_id,
        email_id,
    )
    return {row["sha256"] for row in rows}


async def settle(
    session: Session, tenant_id: UUID, email_id: UUID, stored: set[str], verdicts: Mapping[str, Verdict]
) -> None:
    """Marks the pending parts: kept as the scanner says, or skipped because their bytes could not be read again.

    Without a verdict (no scanner is configured) a stored part is only that.
    """
    said = [verdicts.get(sha256) for sha256 in stored]
    await session.execute(
        """update attachments a set state = k.state, reason = k.reason, scanned_at = case when k.asked then now() end
             from unnest($3::text[], $4::text[], $5::text[], $6::bool[]) as k (sha256, state, reason, asked)
            where a.tenant_id = $1 and a.email_id = $2 and a.state = 'pending' and a.sha256 = k.sha256""",
        tenant_id,
        email_id,
        list(stored),
        [_state(verdict) for verdict in said],
        [verdict.reason if verdict else "" for verdict in said],
        [verdict is not None for verdict in said],
    )
    await session.execute(
        """update attachments set state = 'skipped', reason = 'unreadable'
            where tenant_id = $1 and email_id = $2 and state = 'pending'""",
        tenant_id,
        email_id,
    )
    for sha256, verdict in verdicts.items():
        if verdict.word == "infected":
            await judge(session, tenant_id, sha256, verdict)
    if verdicts:
        await session.execute(
            """update emails set timeline = timeline || step('scanned', jsonb_build_object('verdict', $3::text))
                where tenant_id = $1 and email_id = $2""",
            tenant_id,
            email_id,
            max((verdict.word for verdict in verdicts.values()), key=WORDS.index),
        )


async def judge(session: Session, tenant_id: UUID, sha256: str, verdict: Verdict) -> None:
    """What the scanner says holds for every part with these bytes that waits for it; what it found, for all of them."""
    await session.execute(
        """update attachments set state = $3, reason = $4, scanned_at = now()
            where tenant_id = $1 and sha256 = $2 and (state = 'unscanned' or (state = 'stored' and $3 = 'infected'))""",
        tenant_id,
        sha256,
        _state(verdict),
        verdict.reason,
    )


async def unscanned(session: Session, tenant_id: UUID, max_bytes: int, limit: int) -> list[Any]:
    """`sha256` and `size` of parts to be scanned, the longest waiting first; what failed once is tried once a day."""
    return await session.fetch(
        """select sha256, max(size) as size from attachments
            where tenant_id = $1 and state = 'unscanned' and size <= $2
              and (reason = 'no_scanner' or scanned_at < now() - interval '1 day')
            group by sha256 order by min(scanned_at) nulls first limit $3""",
        tenant_id,
        max_bytes,
        limit,
    )


async def locked(session: Session, tenant_id: UUID, email_id: UUID, *, scanning: bool) -> Locked | None:
    """Why the whole of a mail is for administrators only, if it is.

    Where a scanner is configured, the parts of a mail that is held or became no ticket have not been scanned either:
    they are not stored.
    """
    found: Locked | None = await session.fetchval(
        """select case
             when exists (select from attachments where tenant_id = $1 and email_id = $2 and state = 'infected')
               then 'infected'
             when exists (select from attachments where tenant_id = $1 and email_id = $2
                             and (state = 'unscanned' or (state = 'pending' and $3)))
               then 'unscanned'
             when $3 and not exists (select from emails where tenant_id = $1 and email_id = $2
                                        and outcome in ('ticket', 'comment'))
                  and not exists (select from email_contents where tenant_id = $1 and email_id = $2
                                     and parsed -> 'attachments' = '[]')
               then 'unscanned' end""",
        tenant_id,
        email_id,
        scanning,
    )
    return found


async def get(session: Session, tenant_id: UUID, attachment_id: UUID) -> Any:
    return await session.fetchrow(
        "select * from attachments where tenant_id = $1 and attachment_id = $2", tenant_id, attachment_id
    )


def _state(verdict: Verdict | None) -> str:
    return "stored" if verdict is None or verdict.word == "clean" else verdict.word


async def note_reading(session: Session, tenant_id: UUID, actor: str, row: Any) -> None:
    """Who takes an attachment whatever the scanner says of it is in the audit log."""
    await audit.record(
        session,
        tenant_id,
        actor,
        "read_locked_attachment",
        f"attachment/{row['attachment_id']}",
        {"state": row["state"], "found": row["reason"]},
    )
