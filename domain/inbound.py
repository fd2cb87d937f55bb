"""What travels through a message's workflow: references, sizes, digests and decisions, never content."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

Provider = Literal["smtp", "raw", "imap", "gmail", "microsoft"]
Outcome = Literal["ticket", "comment", "duplicate", "excluded", "discarded", "gone"]


class Reference(BaseModel):
    """The base of all that enters a history: `extra="ignore"`, so that old histories replay after a field goes."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class InboundEmail(Reference):
    """The input of `InboundEmailWorkflow`. `size` in bytes, 0 when unknown; `stored`: the raw message is in the store.

    `sha256` of the stored bytes and `received_at` (aware) spare the parse step a look into the ledger.
    """

    tenant_id: UUID
    email_id: UUID
    mailbox_id: UUID
    provider: Provider
    stored: bool = False
    size: int = 0
    sha256: str = ""
    received_at: datetime | None = None


class Fetched(Reference):
    """`size` in bytes; `gone`: the source no longer has the message."""

    size: int = 0
    gone: bool = False


class ParseResult(Reference):
    """What the workflow needs to know of a parsed message: how many attachments it has, how many problems were met."""

    attachments: int = 0
    problems: int = 0


class Committed(Reference):
    """The outcome of a message as it stands in Postgres. `stale`: nothing was committed, decide again."""

    outcome: Outcome | None = None
    reason: str = ""
    ticket_no: int | None = None
    stale: bool = False


class ParentWait(Reference):
    """A reply waits for this mail: at most `patience`, after which it is decided without it."""

    email_id: UUID
    patience: timedelta


class Conclude(Reference):
    """Ends a message without a decision: its source lost it, or a person discarded what could not be processed."""

    email: InboundEmail
    outcome: Literal["gone", "discarded"]
    reason: str
