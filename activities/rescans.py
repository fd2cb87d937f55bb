"""The answer to `confirm_rescan`, carried into the folders' cursors, where the listener finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from domain.task import TaskResolution
from providers.imap.sync import FolderState
from storage import mailboxes, rescans, tasks

if TYPE_CHECKING:
    from storage.database import Session


async def answer(session: Session, tenant_id: UUID, mailbox_id: UUID, resolution: TaskResolution) -> bool:
    """Settles the question with the answer that was first, and lets the folders go on; False if it is another one's.

    An answer that the question does not offer is recorded, and changes nothing.
    """
    task_id = await session.fetchval(
        """select task_id from tasks where tenant_id = $1 and mailbox_id = $2 and kind = $3
              and ($4::uuid is null and state = 'open' or task_id = $4)""",
        tenant_id,
        mailbox_id,
        rescans.KIND,
        resolution.task_id,
    )
    if task_id is None:
        return False
    try:
        settled = await tasks.settle(session, tenant_id, task_id, resolution, delivered=True)
    except tasks.InvalidChoice:
        await tasks.note_ignored(session, tenant_id, f"mailbox/{mailbox_id}", resolution)
        return True
    for cursor in (await mailboxes.cursors(session, tenant_id, [mailbox_id]))[mailbox_id]:
        state = FolderState.model_validate(cursor)
        if state.held:
            state = state.released(take_in=settled.resolution.choice == rescans.TAKE_IN)
            await mailboxes.move_cursor(session, tenant_id, mailbox_id, state.folder, state.model_dump(mode="json"))
    await mailboxes.renew(session, tenant_id, mailbox_id)
    return True
