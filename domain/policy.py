"""What an organisation may choose about its inbound mail: per tenant, per mailbox, per queue."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.email import MailKind
from domain.task import DEADLINES, Deadlines, TaskKind

# In `trusted_authserv_ids` this stands for headers without an authserv-id, which is how Microsoft 365 writes them.
NO_AUTHSERV_ID = "-"


class _Policy(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class ReopenPolicy(_Policy):
    """What a person's reply does to a closed ticket of a queue.

    Within `window_hours` of closing it reopens the ticket, at most `per_hour` times an hour; later it becomes a new
    ticket that continues the old one. A reply that only says thanks reopens nothing unless `thanks_reopen`.
    """

    reopen: bool = True
    window_hours: int = Field(default=30 * 24, ge=0, le=10 * 365 * 24)
    per_hour: int = Field(default=3, ge=0, le=1000)
    thanks_reopen: bool = False

    @property
    def window(self) -> timedelta:
        return timedelta(hours=self.window_hours)


class LoopLimits(_Policy):
    """Mails an hour before a circuit opens: automated ones per ticket, per pair of sender and mailbox, per mailbox and
    per tenant; `ticket_total` counts every mail on one ticket, for robots that do not say that they are."""

    ticket: int = Field(default=30, ge=1)
    pair: int = Field(default=30, ge=1)
    mailbox: int = Field(default=1000, ge=1)
    tenant: int = Field(default=5000, ge=1)
    ticket_total: int = Field(default=2000, ge=1)


class Retention(_Policy):
    """After how many days what goes; None keeps it.

    The raw message, what was read in it (which is searched), and attachments: from the outcome on; comments on tickets
    stay. Sessions: from their end on. The audit log: from the entry on.
    """

    raw_days: int | None = Field(default=None, ge=1, le=36_500)
    content_days: int | None = Field(default=None, ge=1, le=36_500)
    attachments_days: int | None = Field(default=None, ge=1, le=36_500)
    sessions_days: int = Field(default=30, ge=0, le=36_500)
    audit_days: int | None = Field(default=None, ge=30, le=36_500)


class TenantPolicy(_Policy):
    """`copies`: what the same message in several of the tenant's mailboxes becomes. `deadlines` replace the usual ones
    of a kind of question, `queues` the usual reopening."""

    copies: Literal["one_ticket", "linked", "separate"] = "one_ticket"
    queues: dict[str, ReopenPolicy] = Field(default_factory=dict)
    loops: LoopLimits = LoopLimits()
    deadlines: dict[TaskKind, Deadlines] = Field(default_factory=dict)
    retention: Retention = Retention()

    def deadlines_of(self, kind: TaskKind) -> Deadlines:
        return self.deadlines.get(kind) or DEADLINES[kind]

    def queue(self, name: str) -> ReopenPolicy:
        return self.queues.get(name) or ReopenPolicy()


class MailboxPolicy(_Policy):
    """Whom a mailbox believes, and what it does with mail it cannot place.

    `trusted_authserv_ids`: whose Authentication-Results count (RFC 8601), lower case. `trusted_forwarders`: whose ARC
    sets (RFC 8617) may excuse a failure. `unauthenticated`: a reply about which no trusted hop says anything.
    `tickets_from`: kinds of automated mail that open tickets here although they belong to none.
    """

    trusted_authserv_ids: tuple[str, ...] = ()
    trusted_forwarders: tuple[str, ...] = ()
    unauthenticated: Literal["accept", "review"] = "accept"
    unknown_sender: Literal["create_contact", "ask", "hold", "reject"] = "create_contact"
    tickets_from: frozenset[MailKind] = frozenset()


class Destination(_Policy):
    """A set of inbound defaults as the cascade sees it; an inactive one is passed over, and the record says so."""

    defaults_id: UUID
    name: str = ""
    active: bool = True
