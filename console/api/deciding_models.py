"""What the operations about deciding take and answer."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from console.api.models import EvidenceLine
from console.fields import EMAIL
from domain.address import ascii_address, client_domain
from domain.policy import MailboxPolicy, TenantPolicy
from domain.rule_actions import Priority
from domain.rules import RuleSet
from domain.task import Candidate, Option

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")]
MailAddress = Annotated[str, Field(pattern=r"^[^@\s<>,;]{1,64}@[^@\s<>,;]{1,255}$")]

Address = Annotated[str, Field(pattern=EMAIL)]


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
    rule_set: RuleSet | None = Field(default=None, description="rules to try out, in place of those in force")


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

    based_on: int = Field(ge=0, lt=1 << 31)
    rule_set: RuleSet


class RuleVersion(BaseModel):
    """A version of the rules, with how many there were."""

    version: int
    created_by: str
    created_at: datetime
    rules: int


class SavedRules(BaseModel):
    """One version of the rules as it was saved."""

    version: int
    created_by: str
    created_at: datetime
    rule_set: RuleSet


class RuleHits(BaseModel):
    """How many mails a rule decided: ever, and in the last 30 days."""

    rule_id: str
    total: int
    recent: int
    last_at: datetime


class ReplayRequest(_Body):
    """Past mail that was received since then."""

    since: AwareDatetime


class RuleReplay(BaseModel):
    """How far a replay of the rules is. `interrupted`: its process died; begin another one."""

    id: UUID
    since: datetime
    rules_version: int
    state: Literal["running", "done", "failed", "interrupted"]
    total: int
    checked: int
    different: int = Field(description="mails that would land elsewhere")
    started_by: str
    started_at: datetime
    finished_at: datetime | None


class ReplayedMail(BaseModel):
    """A past mail that would land elsewhere under the rules; `was` and `would_be` say where."""

    email_id: UUID
    message_key: str
    received_at: datetime
    was: str
    would_be: str


class RuleReplayResult(RuleReplay):
    """With the mails that would land elsewhere, the first thousand of them."""

    differences: list[ReplayedMail]


class Defaults(BaseModel):
    """Inbound defaults: a destination of new mail, and who uses it (how many clients, contacts and domains)."""

    id: UUID
    name: str
    queue: str
    priority: Priority
    assignee_id: UUID | None
    assignee: str | None
    active: bool
    mailboxes: list[str]
    clients: int
    contacts: int
    domains: int


class DefaultsBody(_Body):
    """What new tickets get. Inactive defaults are passed over by the cascade."""

    name: Name
    queue: Name
    priority: Priority = "normal"
    assignee_id: UUID | None = None
    active: bool = True


class DestinationBody(_Body):
    """The id of inbound defaults; null takes the destination away."""

    defaults_id: UUID | None


class DomainDestination(DestinationBody):
    """A client's domain."""

    domain: str = Field(min_length=1, max_length=255)


class Destination(BaseModel):
    """Where new mail of this client, contact, domain or mailbox goes."""

    defaults_id: UUID | None


class ClientDomain(BaseModel):
    domain: str
    defaults_id: UUID | None
    destination: str | None


class Client(BaseModel):
    """An organisation that writes here; `destination` is the name of its inbound defaults."""

    id: UUID
    name: str
    defaults_id: UUID | None
    destination: str | None
    domains: list[ClientDomain]
    aliases: list[str] = Field(description="other names by which rules recognise the client in a mail")
    contacts: int


class ClientBody(_Body):
    """An organisation. Mail from its `domains`, and from what lies below them, is the client's."""

    name: Name
    domains: list[Annotated[str, Field(min_length=1, max_length=255)]] = Field(default=[], max_length=100)

    @field_validator("domains")
    @classmethod
    def _spelled(cls, domains: list[str]) -> list[str]:
        return list(dict.fromkeys(client_domain(domain) for domain in domains))


class Aliases(_Body):
    """Other names of a client, whatever their case; an alias is one client's."""

    aliases: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(max_length=100)


class Contact(BaseModel):
    """A person who writes here, `also` from further addresses. `bounced`: mail to the address came back."""

    id: UUID
    name: str
    address: str
    also: list[str]
    client_id: UUID | None
    client_name: str | None
    defaults_id: UUID | None
    destination: str | None
    bounced: Literal["soft", "hard"] | None


class ContactBody(_Body):
    """A person. Who writes for several clients is a contact of each, and a person is asked about their mail."""

    address: Address
    name: Annotated[str, Field(max_length=100)] = Field(default="", description="their address, where it is empty")
    also: list[Address] = Field(default=[], max_length=50, description="further addresses that they write from")
    client_id: UUID | None = None

    @field_validator("address", "also")
    @classmethod
    def _spelled(cls, value: str | list[str]) -> str | list[str]:
        return ascii_address(value) if isinstance(value, str) else list(dict.fromkeys(map(ascii_address, value)))

    @model_validator(mode="after")
    def _named(self) -> ContactBody:
        self.name = self.name.strip() or self.address
        return self


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

    @model_validator(mode="after")
    def _can_be_reached(self) -> TenantPolicyBody:
        """Limits and queues that could never take effect are mistakes, and told when they are made."""
        loops = self.loops
        if loops.ticket_total < loops.ticket:
            raise ValueError("loops.ticket_total counts automated mail, too: it must be at least loops.ticket")
        if not max(loops.pair, loops.ticket) <= loops.mailbox <= loops.tenant:
            raise ValueError("loops: ticket and pair may be at most mailbox, and mailbox at most tenant")
        if not all(name.strip() for name in self.queues):
            raise ValueError("queues: a queue has a name")
        return self


class MailboxPolicyBody(MailboxPolicy):
    model_config = ConfigDict(extra="forbid")

    @field_validator("trusted_authserv_ids", "trusted_forwarders")
    @classmethod
    def _names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """Lower case, as they are compared; each once."""
        for name in names:
            if not re.fullmatch(r"[!-~]{1,255}", name):
                raise ValueError("an authserv-id is one word, such as mx.example.com")
        return tuple(dict.fromkeys(name.lower() for name in names))
