"""An operator's wish to have a mailbox read again from a day on, carried into its cursors."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from domain.mailbox import MailboxRef
from providers.base import Permanent
from providers.gmail.cursor import Cursor as GmailCursor
from providers.imap.sync import FolderState
from providers.microsoft.cursor import Cursor as MicrosoftCursor
from storage import mailboxes, push

if TYPE_CHECKING:
    from storage.database import Session


async def rewind(session: Session, mailbox: MailboxRef, day: date) -> None:
    """Everything since the day is listed again, besides what was still to be listed; the ledger knows what it has.

    A cursor that makes no sense is forgotten, and the mailbox read as one that was just connected.
    """
    where = (session, mailbox.tenant_id, mailbox.mailbox_id)
    await mailboxes.read_from(*where, day)
    try:
        for folder, cursor in (await _rewound(session, mailbox, day)).items():
            await mailboxes.move_cursor(*where, folder, cursor)
    except (ValueError, Permanent):
        await mailboxes.forget_cursors(*where)


async def _rewound(session: Session, mailbox: MailboxRef, day: date) -> dict[str, dict[str, object]]:
    """The cursors by the folders under which they are stored. Raises ValueError or Permanent for what is none."""
    where = (session, mailbox.tenant_id, mailbox.mailbox_id)
    if mailbox.provider == "imap":
        found = (await mailboxes.cursors(session, mailbox.tenant_id, [mailbox.mailbox_id]))[mailbox.mailbox_id]
        states = [FolderState.model_validate(cursor) for cursor in found]
        return {state.folder: state.rewound(day).model_dump(mode="json") for state in states}
    stored = await push.cursor(*where, lock=True)
    if stored is None:
        return {}
    since = datetime.combine(day, time(), UTC)
    kind = GmailCursor if mailbox.provider == "gmail" else MicrosoftCursor
    return {"": kind.model_validate(stored).rewound(since).model_dump(mode="json")}
