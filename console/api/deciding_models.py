"""What the operations about deciding take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from console.api.models import EvidenceLine
from domain.policy import MailboxPolicy, TenantPolicy
from domain.rules import RuleSet
from domain.task import Candidate, Option

MailAddress = Annotated[str, Field(pattern=r"^[^@\s<>,;]{1,64}@[^@\s<>,;]{1,255}$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OutboundRequest(_Body):
    """A mail that another system is about to send for a ticket."""

    to: list[MailAddress] = Field(min_length=1, max_length=100, description="its recipients")
    valid_days: int = Field(default=400, ge=1, le=3650, description="how long answers thread by the token")


class Outbound(BaseModel):
    """Headers to send with, and a marker to put on a line of its own into the body."""

    message_id: str
    headers: dict[str, str]
    marker: str


class Split(BaseModel):
    """The ticket that a comment was moved to."""

    ticket_id: UUID
    number: int


class MoveRequest(_Body):
    """The number of the ticket that gets the comment."""

    ticket: int = Field(ge=1, le=(1 << 63) - 1)


class MergeRequest(_Body):
    """The number of the ticket that gets everything."""

    into: int = Field(ge=1, le=(1 << 63) - 1)


class Merged(BaseModel):
    """The ticket that has everything now."""

    ticket_id: UUID
    number: int


class MergeUndone(BaseModel):
    """The ticket that is its own again: how many comments it got back, and how many that came since stay away."""

    number: int
    comments: int
    stayed: int


class Watcher(BaseModel):
    """Somebody a mail of the ticket also went to. `proposed` watches nothing until somebody accepts."""

    address: str
    name: str
    state: Literal["proposed", "watching", "dismissed"]
    seen_in: UUID | None
    decided_by: str | None


class WatcherDecision(_Body):
    """`watching` accepts a proposal (or adds somebody), `dismissed` rejects it, `proposed` leaves it to a person."""

    address: MailAddress
    state: Literal["proposed", "watching", "dismissed"]


class ExplainRequest(_Body):
    """A mail to decide upon without delivering it."""

    mailbox: str = Field(max_length=320, description="the address or id of the mailbox it would come to")
    raw: str = Field(description="the message (RFC 5322), base64")


class Explanation(BaseModel):
    """The decision record as it would be; nothing was changed."""

    action: str
    reason: str
    ticket_id: UUID | None
    evidence: list[EvidenceLine]
    flags: list[str]
    question: str | None
    options: list[Option]
    candidates: list[Candidate]
    rules_version: int


class Rules(BaseModel):
    """The rules in force; version 0 is none."""

    version: int
    rule_set: RuleSet


class RulesUpdate(_Body):
    """`based_on` is the version that was changed: somebody else's newer one is not overwritten."""

    based_on: int = Field(ge=0)
    rule_set: RuleSet


class Circuit(BaseModel):
    """A mail storm that the loop governor stopped. `waiting`: a person is asked about `email_id`."""

    id: UUID
    scope: Literal["ticket", "pair", "mailbox", "tenant", "ticket_total"]
    key: str
    state: Literal["waiting", "open", "closed"]
    email_id: UUID
    opened_at: datetime
    closed_at: datetime | None
    closed_by: str | None


class Association(BaseModel):
    """What an answer taught about an address or a domain."""

    kind: Literal["address", "domain"]
    value: str
    client_id: UUID
    client_name: str
    learned_by: str
    created_at: datetime


class AssociationRef(_Body):
    kind: Literal["address", "domain"]
    value: str = Field(max_length=320)


class TenantPolicyBody(TenantPolicy):
    model_config = ConfigDict(extra="forbid")


class MailboxPolicyBody(MailboxPolicy):
    model_config = ConfigDict(extra="forbid")
