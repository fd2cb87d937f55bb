"""How a mailbox stands, in one word with a tone, and the next step where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

# Active mailboxes are read at least once a minute.
LATE = timedelta(minutes=15)

Tone = Literal["good", "info", "warn", "bad"]
Step = Literal["", "set_up", "resume", "reconnect", "defaults", "test", "repair"]


@dataclass(frozen=True, slots=True)
class Health:
    """`word` and `why` are keys of the catalogue; `step` is what to do, empty when nothing is."""

    tone: Tone
    word: str
    why: str = ""
    step: Step = ""


def health(mailbox: Mapping[str, Any], now: datetime | None = None) -> Health:
    """The worst of what is known."""
    state = mailbox["state"]
    if state == "draft":
        return Health("info", "mailbox.draft", "mailbox.draft.why", "set_up")
    if state == "paused":
        return Health("warn", "mailbox.paused", "mailbox.paused.why", "resume")
    if state == "needs_reauth":
        return Health("bad", "mailbox.needs_reauth", "mailbox.needs_reauth.why", "reconnect")
    if not mailbox["queue"]:
        return Health("warn", "mailbox.waits", "mailboxes.no_defaults", "defaults")
    seen = mailbox["last_sync_at"] or mailbox["created_at"]
    if (now or datetime.now(UTC)) - seen > LATE:
        return Health("bad", "mailbox.late", "mailbox.late.why", "test")
    if mailbox["amiss"] is not None and mailbox["amiss"] > 0:
        return Health("warn", "mailbox.amiss", "mailbox.amiss.why", "repair")
    if mailbox["last_sync_at"] is None:
        return Health("info", "mailbox.starting")
    return Health("good", "mailbox.active")
