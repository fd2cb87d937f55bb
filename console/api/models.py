"""What the API answers, and takes. The OpenAPI document is generated from these."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from console.api.paging import PageQuery
from domain.inbound import Outcome, Provider
from domain.task import Candidate, Option, TaskKind, TaskState
from storage.ticket_changes import MAX_TAGS, Priority, Status

TicketStatus = Literal["open", "pending", "closed", "merged"]
EmailState = Literal["listed", "started", "waiting", "done"]

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """One page of a list, newest first. `next` is the cursor of the following page, null on the last one."""

    items: list[T]
    next: str | None


class Client(BaseModel):
    id: UUID
    name: str


class Contact(BaseModel):
    id: UUID
    name: str
    address: str


class Assignee(BaseModel):
    id: UUID
    name: str


class Author(BaseModel):
    """Who wrote a comment, as their mail says."""

    name: str
    address: str


class Attachment(BaseModel):
    """One part of a mail. `size` in bytes; `url` serves the bytes of a stored one.

    A stored one with `scanned_at` was scanned, and nothing was found. Infected and unscanned ones are locked away.
    """

    id: UUID
    filename: str
    content_type: str
    size: int
    sha256: str
    content_id: str | None
    inline: bool
    state: Literal["pending", "stored", "skipped", "infected", "unscanned"]
    reason: str
    scanned_at: datetime | None
    url: str


class Comment(BaseModel):
    """`text` is what its author wrote, without quotes; `html` the whole mail's HTML, sanitised."""

    id: UUID
    author: Author
    text: str
    html: str
    internal: bool = Field(description="a note between colleagues")
    created_at: datetime
    email_id: UUID | None
    attachments: list[Attachment]


class Ticket(BaseModel):
    """`comments` oldest first; in a list only the newest of each ticket, of `comment_count`."""

    id: UUID
    number: int
    subject: str
    status: TicketStatus
    queue: str
    priority: Literal["low", "normal", "high", "urgent"]
    client: Client | None
    contact: Contact | None
    assignee: Assignee | None
    tags: list[str]
    mailbox_id: UUID
    mailbox: str
    merged_into: UUID | None = Field(description="the ticket this one was merged into")
    reply_address: str = Field(description="mail to this address lands on the ticket")
    created_at: datetime
    updated_at: datetime
    comment_count: int
    comments: list[Comment]


class EvidenceLine(BaseModel):
    """One thing that was looked at, and what it said."""

    looked_at: str
    result: str


class DecisionRecord(BaseModel):
    """Why a message became what it became."""

    action: str
    reason: str
    evidence: list[EvidenceLine]
    flags: list[str]
    rules_version: int = Field(default=0, description="the rules that were in force, 0 for none")
    decided_at: datetime


class TimelineStep(BaseModel):
    """One step of a message; further members depend on it."""

    model_config = ConfigDict(extra="allow")

    step: str
    at: datetime


class Sender(BaseModel):
    name: str = ""
    address: str


class Email(BaseModel):
    """One sighting of a message in one mailbox. `outcome` is null while it is open."""

    id: UUID
    message_id: str | None = Field(description="without brackets; null when the message has no usable one")
    mailbox_id: UUID
    mailbox: str
    locator: str
    state: EmailState
    outcome: Outcome | None
    reason: str
    flags: list[str]
    ticket_id: UUID | None
    ticket_number: int | None
    comment_id: UUID | None
    waits_for: UUID | None = Field(description="the message this one waits for before it is decided")
    subject: str | None
    sender: Sender | None
    size: int | None = Field(description="bytes of the raw message")
    workflow_id: str
    received_at: datetime
    listed_at: datetime
    done_at: datetime | None
    decision: DecisionRecord | None
    timeline: list[TimelineStep]


class ParseProblem(BaseModel):
    """Something in the mail that is not as it should be."""

    code: str
    detail: str


class EmailContent(BaseModel):
    """A mail to be read. `reply_text` is what its author wrote, `text` the whole with quotes; `html` is sanitised."""

    to: list[Sender]
    cc: list[Sender]
    text: str
    reply_text: str
    html: str
    problems: list[ParseProblem]


class EmailHeaders(BaseModel):
    """The header fields as they were received, at most 64 KB; what is no text is written as `\\uXXXX`."""

    text: str


class Task(BaseModel):
    """A question that waits for a person. `waiting` counts the mails that wait with it."""

    id: UUID
    kind: TaskKind
    question: str
    options: list[Option]
    candidates: list[Candidate]
    assignee: Assignee | None = Field(description="who has it in hand")
    default: str = Field(description="the option that applies by itself at the deadline")
    state: TaskState
    stage: Literal["", "reminded", "escalated"]
    deadline: datetime
    email_id: UUID | None
    mailbox_id: UUID
    workflow_id: str
    waiting: int
    created_at: datetime
    resolved_by: str | None
    resolved_at: datetime | None
    choice: str | None
    remember: bool


class Resolution(BaseModel):
    """An answer: `choice` is the id of one of the task's options; `remember` turns it into an association."""

    model_config = ConfigDict(extra="forbid")

    choice: str = Field(max_length=200)
    remember: bool = False
    hold_seconds: int = Field(
        default=0, ge=0, le=60, description="how long the answer may be taken back before the mail goes on"
    )


class Asked(BaseModel):
    """How many mailboxes look for new mail now."""

    mailboxes: int


class Assignment(BaseModel):
    """Who has it in hand; null is nobody."""

    model_config = ConfigDict(extra="forbid")

    assignee_id: UUID | None


class TicketChange(BaseModel):
    """What to set; what is left out stays. `assignee_id` null takes the ticket out of everybody's hands."""

    model_config = ConfigDict(extra="forbid")

    status: Status | None = None
    priority: Priority | None = None
    assignee_id: UUID | None = None
    tags: list[str] | None = Field(default=None, max_length=MAX_TAGS)


class Note(BaseModel):
    """A note between colleagues."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=20_000)


class Mailbox(BaseModel):
    """A mailbox; `listed = done + open` at every moment. `draft`: being set up, not read yet."""

    id: UUID
    address: str
    provider: Provider
    state: Literal["draft", "active", "paused", "needs_reauth"]
    status: str
    status_at: datetime | None
    last_sync_at: datetime | None
    last_message_at: datetime | None
    listed: int
    done: int
    open: int
    queue: str | None


class NewMailbox(BaseModel):
    """It is set up next: nobody reads it before `POST /mailboxes/{id}/start`."""

    model_config = ConfigDict(extra="forbid")

    address: str = Field(min_length=3, max_length=320)
    provider: Provider


class MailboxAccess(BaseModel):
    """How a mailbox is reached: `fields` are those of the console's form for its provider.

    imap: host, port, security, username, folders, way (password, google, microsoft or other), and password, or
    client_id, client_secret, mechanism (xoauth2 or oauthbearer), grant (consent or own), directory (microsoft),
    token_url, authorize_url, scope (other). gmail: key (JSON text), folders, topic, push_service_account.
    microsoft: directory, client_id, client_secret, username, folders, grant. raw: none.
    """

    model_config = ConfigDict(extra="forbid")

    fields: dict[str, str] = Field(default_factory=dict, max_length=20)


class Connected(BaseModel):
    """`webhook_secret` is there for raw mailboxes, this once. `consent`: the mailbox's user has still to agree;
    a job of that kind says where."""

    mailbox: Mailbox
    webhook_secret: str | None = None
    consent: bool = False


class MailboxStart(BaseModel):
    """Mail from now on, and that since a day where one is given."""

    model_config = ConfigDict(extra="forbid")

    since: date | None = None


class Resync(BaseModel):
    """Everything received since this day is listed again; what is known stays as it is."""

    model_config = ConfigDict(extra="forbid")

    since: date


class JobRequest(BaseModel):
    """Work for a worker. `diagnose` tries the source step by step; `reconcile` compares it with the ledger, and with
    `repair` mends what it finds; `count` tells what a resync since a day would list; `consent` says where the mailbox's
    user agrees."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["diagnose", "reconcile", "count", "consent"]
    repair: bool = False
    since: date | None = None


class JobStep(BaseModel):
    """One finding of a diagnosis; `advice` says what to do where it does not work."""

    name: str
    works: bool
    detail: str
    advice: str = ""


class MailboxJob(BaseModel):
    """Work on a mailbox, and what it found so far."""

    id: UUID
    mailbox_id: UUID
    kind: Literal["diagnose", "reconcile", "count", "consent", "redeem"]
    state: Literal["running", "done", "failed"]
    steps: list[JobStep]
    result: dict[str, Any]
    consent_url: str | None = Field(
        description="where the mailbox's user agrees: of a `consent` that is done, for scope admin. It leads back to "
        "the console, where an admin has to be signed in"
    )
    asked_by: str
    created_at: datetime


class ProblemDetails(BaseModel):
    """RFC 9457. `detail` says what to do next."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str


class TicketQuery(PageQuery):
    q: str = Field(default="", max_length=200, description="a number, or words of subject, contact or client")
    status: TicketStatus | None = Field(default=None, description="merged tickets are listed only when asked for")
    assignee_id: UUID | None = None
    unassigned: bool = False
    mailbox_id: UUID | None = None
    client_id: UUID | None = None
    tag: str | None = Field(default=None, max_length=50)


class EmailQuery(PageQuery):
    q: str = Field(
        default="",
        max_length=1000,
        description="as in the console's Find, and without another filter: a Message-ID, a ticket's number, the "
        "source's own id, an address, or words of subject and sender",
    )
    message_id: str | None = Field(default=None, max_length=1000, description="with or without its brackets")
    state: EmailState | None = None
    outcome: Outcome | None = None


class TaskQuery(PageQuery):
    state: TaskState | None = None
