"""What is known of a message when it is decided, gathered by `storage.evidence`. Addresses are canonical."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain import subjects
from domain.email import Address, Authentication, Bounce, MailKind
from domain.inbound import Outcome
from domain.policy import Destination, MailboxPolicy, TenantPolicy
from domain.rule_actions import RuleOutcome

Source = Literal["own_token", "bounce", "in_reply_to", "references", "provider_thread", "own_id"]
Scope = Literal["ticket", "pair", "mailbox", "tenant", "ticket_total"]


class _Fact(BaseModel):
    model_config = ConfigDict(extra="ignore")


class ThreadEvidence(_Fact):
    """One id (or token) of the mail and what the tenant knows of it; listed strongest first."""

    source: Source
    message_id: str
    ticket_id: UUID | None = None
    # 'referenced': only other replies to this id were seen, never the mail itself.
    kind: Literal["member", "referenced"] = "member"
    # The id of a mail that we issued ourselves, and to whom (`outbound_messages`).
    outbound: bool = False
    sent_to: frozenset[str] = frozenset()
    # The mail with this id, while it is not decided.
    in_flight: UUID | None = None
    waits_for_person: bool = False


class TokenEvidence(_Fact):
    """A genuine reply token. `holder`: whether the sender is the person it was issued to."""

    expired: bool = False
    holder: Literal["anyone", "issued_to", "somebody_else"] = "anyone"

    @property
    def authorises(self) -> bool:
        return not self.expired and self.holder != "somebody_else"


class TicketFacts(_Fact):
    """`reopened`: how often in the last hour; `comments`: how many in the last hour; `continued_by`: the newest ticket
    that carries a closed one on."""

    ticket_id: UUID
    number: int
    subject: str
    queue: str = ""
    closed: bool = False
    closed_at: datetime | None = None
    client_id: UUID | None = None
    authors: frozenset[str] = frozenset()
    recipients: frozenset[str] = frozenset()
    reopened: int = 0
    comments: int = 0
    continued_by: UUID | None = None


class Proposal(_Fact):
    """A ticket that something weaker than an id points to."""

    ticket_id: UUID
    why: Literal["subject_number", "same_subject"]


class Sighting(_Fact):
    """Another ledger row with the same message key. `same_content` is None until it was parsed."""

    email_id: UUID
    earlier: bool
    outcome: Outcome | None
    ticket_id: UUID | None = None
    same_content: bool | None = None
    same_mailbox: bool = True
    waits_for_person: bool = False


class SenderMatch(_Fact):
    """A client the sender may stand for. The three defaults are where its mail goes, most specific first."""

    client_id: UUID | None
    client_name: str = ""
    contact_id: UUID | None = None
    how: Literal["contact", "association", "domain"]
    contact_defaults: UUID | None = None
    client_defaults: UUID | None = None
    domain_defaults: UUID | None = None


class ClientName(_Fact):
    client_id: UUID
    name: str


class Circuit(_Fact):
    """A circuit that a mail storm has opened. `email_id` is the mail whose task is the alert, `verdict` its outcome."""

    scope: Scope
    key: str
    email_id: UUID
    verdict: Literal["undecided", "discarded", "released"] = "undecided"


class Facts(_Fact):
    """All that is known when a message is decided."""

    email_id: UUID
    message_key: str
    now: datetime | None = None
    subject: str = ""
    text: str = ""
    kind: MailKind = "ordinary"
    sender: str = ""
    sender_name: str = ""
    # Who wrote the mail that an internal user forwards.
    forwarded: Address | None = None
    reply_to: list[Address] = Field(default_factory=list)
    list_mail: bool = False
    recipients: frozenset[str] = frozenset()
    internal: bool = False
    # The sender is one of the tenant's own mailboxes.
    own_mailbox: bool = False
    own_message: bool = False
    # The mail is a delivery canary of its mailbox.
    canary: UUID | None = None
    unreadable: bool = False
    authentication: list[Authentication] = Field(default_factory=list)
    bounce: Bounce | None = None
    mailbox_id: UUID | None = None
    mailbox: MailboxPolicy = MailboxPolicy()
    tenant: TenantPolicy = TenantPolicy()
    token: TokenEvidence | None = None
    threads: list[ThreadEvidence] = Field(default_factory=list)
    proposals: list[Proposal] = Field(default_factory=list)
    tickets: dict[UUID, TicketFacts] = Field(default_factory=dict)
    sightings: list[Sighting] = Field(default_factory=list)
    matches: list[SenderMatch] = Field(default_factory=list)
    # Clients to choose from when a person is asked for one.
    clients: list[ClientName] = Field(default_factory=list)
    rule: RuleOutcome | None = None
    rules_version: int = 0
    destinations: dict[UUID, Destination] = Field(default_factory=dict)
    defaults_id: UUID | None = None
    counts: dict[str, int] = Field(default_factory=dict)
    circuits: list[Circuit] = Field(default_factory=list)
    # Mails that were waited for long enough.
    waited: frozenset[UUID] = frozenset()

    @property
    def automated(self) -> bool:
        return self.kind in ("auto_reply", "bounce", "report", "notification", "complaint")

    @property
    def is_answer(self) -> bool:
        """Whether the mail itself says that it answers something."""
        names_others = any(t.source in ("in_reply_to", "references") for t in self.threads)
        return names_others or self.kind == "auto_reply" or subjects.is_reply(self.subject)
