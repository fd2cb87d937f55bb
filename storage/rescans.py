"""The question about a folder whose messages were numbered anew: are those that are not known here to be taken in?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from domain.identity import mailbox_workflow_id
from domain.task import DEADLINES, TaskKind
from storage.ledger import new_id

if TYPE_CHECKING:
    from storage.database import Session

KIND: TaskKind = "confirm_rescan"
TAKE_IN, LEAVE = "take_in", "leave"


async def ask(session: Session, tenant_id: UUID, mailbox_id: UUID, more_than: int) -> None:
    """Opens the task unless it is open; one answer is for all folders that wait. Its workflow is the mailbox's."""
    await session.execute(
        """insert into tasks (tenant_id, task_id, kind, mailbox_id, workflow_id, question, options, default_option,
                              deadline)
           select $1, $2, $4, m.mailbox_id, $5, $6 || m.address || $7, $8, $9, $10 from mailboxes m
            where m.tenant_id = $1 and m.mailbox_id = $3
              and not exists (select from tasks t where t.tenant_id = $1 and t.mailbox_id = $3
                                 and t.kind = $4 and t.state = 'open')""",
        tenant_id,
        new_id(),
        mailbox_id,
        KIND,
        mailbox_workflow_id(mailbox_id),
        "The mail server numbers the messages of ",
        f" anew (a move, a restored backup, a folder made anew), and more than {more_than} of them are not known here. "
        "None of these becomes a ticket before you answer; new mail is read as always.",
        [
            {"id": TAKE_IN, "label": "Take them in: each becomes a ticket or a comment"},
            {"id": LEAVE, "label": "Leave them: only mail that arrives from now on"},
        ],
        LEAVE,
        datetime.now(UTC) + DEADLINES[KIND].default,
    )
