"""The decision about one message: what to do, and the record of everything that was looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.email import Address
from domain.facts import Scope
from domain.inbound import InboundEmail, ParentWait, Reference
from domain.rule_actions import Priority
from domain.task import Answered, Question, TaskKind, TaskResolution

# How long a reply waits for a parent that is being processed, and for one that waits for a person itself.
PARENT_PATIENCE = timedelta(minutes=10)
PERSON_PATIENCE = timedelta(days=14)

Action = Literal["create", "append", "ask", "wait", "exclude", "discard", "duplicate"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore")


class EvidenceLine(_Record):
    """One thing that was looked at, and what it said."""

    looked_at: str
    result: str


class CircuitKey(_Record):
    """What a loop governor counts: `key` is a ticket, a pair of addresses, a mailbox; empty for the tenant."""

    scope: Scope
    key: str


class BouncedAddress(_Record):
    """An address that did not take our mail. `hard`: it will not take any (RFC 3463)."""

    address: str
    status: str = ""
    hard: bool


class Decision(_Record):
    """The decision record: readable by people, and all that the commit needs."""

    action: Action
    reason: str = ""
    ticket_id: UUID | None = None
    # Tickets that turn out to be the same conversation as `ticket_id`.
    merge: list[UUID] = Field(default_factory=list)
    # An append reopens a closed ticket; a create may carry on a closed one, or be the copy of a mail elsewhere.
    reopen: bool = False
    linked_to: UUID | None = None
    link: Literal["continues", "copy"] | None = None
    client_id: UUID | None = None
    contact_id: UUID | None = None
    # Who wrote the mail, when that is not its From (a mailing list's), and whom the ticket is for, when that is
    # somebody else again (the original sender of what one of our users forwards).
    author: Address | None = None
    requester: Address | None = None
    # False: the sender becomes no contact (one of our own users, or nobody).
    make_contact: bool = True
    defaults_id: UUID | None = None
    priority: Priority | None = None
    assignee_id: UUID | None = None
    tags: list[str] = Field(default_factory=list)
    bounced: BouncedAddress | None = None
    # The storm that this mail revealed: its task is the alert.
    opens_circuit: CircuitKey | None = None
    releases_circuits: bool = False
    counts_as_automated: bool = False
    # The delivery canary that the mail is.
    canary: UUID | None = None
    question: Question | None = None
    wait_for: UUID | None = None
    patience: timedelta = timedelta(0)
    rules_version: int = 0
    # The rule that acted on a new mail.
    rule_id: str | None = None
    flags: list[str] = Field(default_factory=list)
    evidence: list[EvidenceLine] = Field(default_factory=list)
    # What each id of the mail pointed to when this was decided: the commit checks that it still does.
    seen: dict[str, UUID] = Field(default_factory=dict)


class Notes:
    """The decision record while it is written."""

    def __init__(self) -> None:
        self.lines: list[EvidenceLine] = []
        self.flags: list[str] = []

    def add(self, looked_at: str, result: str) -> None:
        self.lines.append(EvidenceLine(looked_at=looked_at, result=result))

    def flag(self, name: str) -> None:
        if name not in self.flags:
            self.flags.append(name)


class Answers:
    """The answers people (or deadlines) gave about this message so far."""

    def __init__(self, answers: Sequence[Answered]) -> None:
        self._answers = answers

    def to(self, kind: TaskKind) -> TaskResolution | None:
        """The latest answer to a question of this kind."""
        return next((a.resolution for a in reversed(self._answers) if a.kind == kind), None)

    def chose(self, choice: str) -> TaskResolution | None:
        return next((a.resolution for a in self._answers if a.resolution.choice == choice), None)

    def __iter__(self) -> Iterator[Answered]:
        return iter(self._answers)


def who(resolution: TaskResolution) -> str:
    return "the deadline" if resolution.by == "deadline" else resolution.by


class Decide(Reference):
    """The input of `find_thread`: the answers so far, and the mails that were waited for long enough."""

    email: InboundEmail
    answers: tuple[Answered, ...] = ()
    waited: tuple[UUID, ...] = ()


class Decided(Reference):
    """The decision as the workflow knows it; `wait` comes with the action of that name."""

    action: Action
    wait: ParentWait | None = None
