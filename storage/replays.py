"""Dry runs of the rules over past mail, as far as they are: written by whoever runs one, read by everybody."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from storage import audit, tenants
from storage.dry_run import Difference
from storage.ledger import new_id

if TYPE_CHECKING:
    from storage.database import Session

# Differences that are kept and shown; all of them are counted.
KEPT = 1000
# A replay that has said nothing for so long has died with its process.
SILENT = timedelta(minutes=2)

_STATE = """case when state = 'running' and beat_at < now() - $2::interval then 'interrupted' else state end as state"""


class Busy(Exception):
    """Another replay of this tenant is running."""


async def begin(session: Session, tenant_id: UUID, since: datetime, version: int, total: int, *, actor: str) -> UUID:
    """A replay of rules `version` over the `total` mails since then; audited. Raises Busy."""
    await tenants.take_turns(session, tenant_id)
    if any(replay["state"] == "running" for replay in await latest(session, tenant_id)):
        raise Busy
    replay_id = new_id()
    await session.execute(
        """insert into rule_replays (tenant_id, replay_id, since, rules_version, total, started_by)
           values ($1, $2, $3, $4, $5, $6)""",
        tenant_id,
        replay_id,
        since,
        version,
        total,
        actor,
    )
    await audit.record(session, tenant_id, actor, "replay_rules", f"replay/{replay_id}", {"since": since.isoformat()})
    return replay_id


async def progress(session: Session, tenant_id: UUID, replay_id: UUID, checked: int, found: list[Difference]) -> None:
    """`checked` mails in all so far, of which `found` are further ones that would land elsewhere."""
    await session.execute(
        """update rule_replays set checked = $3, different = different + $4, beat_at = now(),
                  differences = differences
                    || case when jsonb_array_length(differences) < $6 then $5::jsonb else '[]' end
            where tenant_id = $1 and replay_id = $2""",
        tenant_id,
        replay_id,
        checked,
        len(found),
        [_stored(difference) for difference in found],
        KEPT,
    )


async def finish(session: Session, tenant_id: UUID, replay_id: UUID, state: str) -> None:
    """`state`: done or failed."""
    await session.execute(
        """update rule_replays set state = $3, finished_at = now() where tenant_id = $1 and replay_id = $2""",
        tenant_id,
        replay_id,
        state,
    )


async def get(session: Session, tenant_id: UUID, replay_id: UUID) -> Any:
    """The row, its `state` also `interrupted`; `differences` as the members of `Difference`. None if there is none."""
    return await session.fetchrow(
        f"""select replay_id, since, rules_version, {_STATE}, total, checked, different, differences, started_by,
                   started_at, finished_at
              from rule_replays where tenant_id = $1 and replay_id = $3""",  # noqa: S608 (constants only)
        tenant_id,
        SILENT,
        replay_id,
    )


async def latest(session: Session, tenant_id: UUID, *, limit: int = 10) -> list[Any]:
    """Without their differences, newest first."""
    return await session.fetch(
        f"""select replay_id, since, rules_version, {_STATE}, total, checked, different, started_by, started_at,
                   finished_at
              from rule_replays where tenant_id = $1 order by started_at desc limit $3""",  # noqa: S608 (constants only)
        tenant_id,
        SILENT,
        limit,
    )


def _stored(difference: Difference) -> dict[str, str]:
    return {
        "email_id": str(difference.email_id),
        "message_key": difference.message_key,
        "received_at": difference.received_at.isoformat(),
        "was": difference.was,
        "would_be": difference.would_be,
    }
