"""Human tasks: the question a message waits with, and the answer that lets it go on."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.inbound import InboundEmail, Reference

TaskKind = Literal[
    "choose_ticket",
    "review_sender",
    "identify_client",
    "missing_defaults",
    "repair_message",
    "release_message",
    "reconnect_mailbox",
    "confirm_rescan",
]
TaskState = Literal["open", "resolved", "defaulted"]


class Option(BaseModel):
    """One possible answer: `id` is what the answer names, `label` is the button."""

    model_config = ConfigDict(extra="ignore")

    id: str
    label: str


class Candidate(BaseModel):
    """One possible ticket or client with the evidence for it, one line each; `option` is the answer that picks it."""

    model_config = ConfigDict(extra="ignore")

    option: str
    title: str
    score: float = Field(ge=0, le=1)
    evidence: list[str] = Field(default_factory=list)


class Question(BaseModel):
    """What is asked. `default` is the option that applies by itself when nobody answers in time."""

    model_config = ConfigDict(extra="ignore")

    kind: TaskKind
    text: str
    options: list[Option]
    candidates: list[Candidate] = Field(default_factory=list)
    default: str


# Who answered, where no name may stand: Temporal keeps what it is told. Postgres knows the name by the task.
SOMEBODY = "somebody"


class TaskResolution(Reference):
    """The payload of the signal `resolve_task`, from the console, the Temporal UI or the CLI.

    `choice` is one of the task's option ids. Without `task_id` the answer is for whatever the workflow waits with.
    """

    choice: str = Field(max_length=200)
    task_id: UUID | None = None
    by: str = Field(default="temporal", max_length=200)
    remember: bool = False

    def nameless(self) -> TaskResolution:
        """The same for Temporal: no person's address."""
        return self if self.by in ("temporal", "deadline", "postroom") else self.model_copy(update={"by": SOMEBODY})


class OpenTask(Reference):
    """A task as its workflow knows it: the answers it accepts, and when to act without one."""

    task_id: UUID
    kind: TaskKind
    options: tuple[str, ...]
    default: str
    url: str = ""
    remind_after: timedelta
    escalate_after: timedelta
    default_after: timedelta
    # Set when it was answered before this run asked: the run was started anew, and the answer stands.
    resolution: TaskResolution | None = None


class Answered(Reference):
    """One answered question of a message."""

    kind: TaskKind
    resolution: TaskResolution


class AskPerson(Reference):
    """Opens the `number`th task of a message: its decision's question, or, with `failed_step`, how to repair it."""

    email: InboundEmail
    workflow_id: str
    number: int
    failed_step: str = ""
    failure: str = ""


class Settle(Reference):
    """An answer on its way into Postgres, where the first one wins."""

    email: InboundEmail
    task_id: UUID
    resolution: TaskResolution


class Advance(Reference):
    """Nobody has answered yet: the task goes to its next stage."""

    email: InboundEmail
    task_id: UUID
    stage: Literal["reminded", "escalated"]


class Ignored(Reference):
    """An answer that the waiting workflow could not take."""

    email: InboundEmail
    resolution: TaskResolution


class Deadlines(BaseModel):
    """How long a question of one kind waits: first a reminder, then an escalation, then its default."""

    remind: timedelta = Field(ge=timedelta(minutes=1))
    escalate: timedelta
    default: timedelta = Field(le=timedelta(days=365))

    @model_validator(mode="after")
    def _in_order(self) -> Deadlines:
        if not self.remind <= self.escalate <= self.default:
            raise ValueError("first the reminder, then the escalation, then the default")
        return self


_DAY = timedelta(days=1)

DEADLINES: dict[TaskKind, Deadlines] = {
    "choose_ticket": Deadlines(remind=timedelta(hours=4), escalate=_DAY, default=3 * _DAY),
    "review_sender": Deadlines(remind=timedelta(hours=4), escalate=_DAY, default=3 * _DAY),
    "identify_client": Deadlines(remind=timedelta(hours=4), escalate=_DAY, default=3 * _DAY),
    # These wait for a repair: their default is to try once more, so nothing is lost and nobody is spammed.
    "missing_defaults": Deadlines(remind=timedelta(hours=1), escalate=timedelta(hours=8), default=7 * _DAY),
    "repair_message": Deadlines(remind=timedelta(hours=4), escalate=_DAY, default=7 * _DAY),
    "release_message": Deadlines(remind=_DAY, escalate=3 * _DAY, default=14 * _DAY),
    "reconnect_mailbox": Deadlines(remind=timedelta(hours=1), escalate=timedelta(hours=8), default=7 * _DAY),
    # Nobody else decides it, so it waits.
    "confirm_rescan": Deadlines(remind=timedelta(hours=4), escalate=_DAY, default=365 * _DAY),
}
