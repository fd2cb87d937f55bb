"""The one question about a mailbox: its source refuses the credentials, so a person has to connect it again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from domain.task import DEADLINES, TaskResolution
from storage.ledger import new_id

if TYPE_CHECKING:
    from storage.database import Session

RECONNECTED = "reconnected"


async def ask(session: Session, tenant_id: UUID, mailbox_id: UUID, workflow_id: str, why: str) -> None:
    """Opens the task unless it is open. Its answer wakes the mailbox's workflow, which tries the credentials."""
    await session.execute(
        """insert into tasks (tenant_id, task_id, kind, mailbox_id, workflow_id, question, options, default_option,
                              deadline)
           select $1, $2, 'reconnect_mailbox', m.mailbox_id, $4, $5 || m.address || $6, $7, $8, $9 from mailboxes m
            where m.tenant_id = $1 and m.mailbox_id = $3
              and not exists (select from tasks t where t.tenant_id = $1 and t.mailbox_id = $3
                                 and t.kind = 'reconnect_mailbox' and t.state = 'open')""",
        tenant_id,
        new_id(),
        mailbox_id,
        workflow_id,
        "Mail of ",
        f" cannot be read: {why} Nothing is lost; reading goes on where it stopped once it is connected again.",
        [{"id": RECONNECTED, "label": "It is connected again: try now"}],
        RECONNECTED,
        datetime.now(UTC) + DEADLINES["reconnect_mailbox"].default,
    )


async def close(session: Session, tenant_id: UUID, mailbox_id: UUID) -> None:
    """The mailbox is read again, whoever mended it."""
    resolution = TaskResolution(choice=RECONNECTED, by="postroom")
    await session.execute(
        """update tasks set state = 'resolved', resolution = $3, resolved_by = 'postroom', resolved_at = now(),
                  delivered_at = now()
            where tenant_id = $1 and mailbox_id = $2 and kind = 'reconnect_mailbox' and state = 'open'""",
        tenant_id,
        mailbox_id,
        resolution.model_dump(mode="json"),
    )
