"""One scenario of the decision corpus: mails in order, what happens between them, and what must come of each.

The format is described in README.md beside this file; it knows nothing of postroom's tables.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

DIRECTORY = Path(__file__).parent / "scenarios"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Client(_Part):
    name: str
    domains: list[str] = Field(default_factory=list)
    aliases: list[str] = Field(default_factory=list)
    destination: str | None = None
    domain_destination: str | None = None


class Contact(_Part):
    address: str
    client: str | None = None
    also: list[str] = Field(default_factory=list)
    destination: str | None = None


class Association(_Part):
    kind: Literal["address", "domain"]
    value: str
    client: str


class Destination(_Part):
    queue: str
    priority: str = "normal"
    active: bool = True


class Mailbox(_Part):
    """`destination` names its inbound defaults; empty for none."""

    policy: dict[str, Any] = Field(default_factory=dict)
    destination: str = "Support"


class State(_Part):
    """The organisation before the first mail. Destinations and clients are named, and referred to by name."""

    policy: dict[str, Any] = Field(default_factory=dict)
    users: list[str] = Field(default_factory=list)
    clients: list[Client] = Field(default_factory=list)
    contacts: list[Contact] = Field(default_factory=list)
    associations: list[Association] = Field(default_factory=list)
    destinations: dict[str, Destination] = Field(default_factory=dict)
    mailboxes: dict[str, Mailbox] = Field(default_factory=dict)
    rules: dict[str, Any] = Field(default_factory=dict)


class Expect(_Part):
    """What must hold once the mail is decided. What is left out is not looked at.

    `ticket` names the mail that made it; `evidence` are parts of lines of the decision record, `not_evidence` must be
    in none; `untouched` names a mail whose ticket must be exactly as before.
    """

    outcome: str | None = None
    reason: str | None = None
    task: str | None = None
    options: list[str] | None = None
    ticket: str | None = None
    untouched: str | None = None
    evidence: list[str] = Field(default_factory=list)
    not_evidence: list[str] = Field(default_factory=list)
    flags: list[str] | None = None
    status: str | None = None
    queue: str | None = None
    priority: str | None = None
    tags: list[str] | None = None
    client: str | None = None
    contact: str | None = None
    assignee: str | None = None
    author: str | None = None
    link: str | None = None
    linked_to: str | None = None
    comments: int | None = None
    proposed_watchers: list[str] | None = None
    participants: list[str] | None = None
    bounced: dict[str, str] | None = None
    waits_for: str | None = None


class Answer(_Part):
    """A person's answer to the task of this mail; `choice` may be `ticket m1` or `client North`."""

    choice: str
    remember: bool = False
    expect: Expect = Expect()


class Report(_Part):
    """The mail is a delivery report (RFC 3464) about a mail sent with the id `original`."""

    recipient: str
    original: str
    status: str = "5.1.1"
    action: str = "failed"


class Outbound(_Part):
    """Another system sends mail for the ticket of this mail, with the headers that postroom gives it."""

    to: list[str]


class Mail(_Part):
    """One mail, delivered once the one before it is decided or waits; `with_next`: at the same time as the next.

    `{id m1}`, `{number m1}`, `{token m1}`, `{token m1 for bob@example.com}`, `{token m1 expired}`, `{sent m1}` (the id
    of the outbound mail) and `{marker m1}` stand for what earlier mails brought about. An empty `from` or `to`, and the
    `message_id` "none", leave the header out. `thread` is what the mail's source calls its conversation, as Gmail and
    Microsoft 365 do.
    """

    id: str
    sender: str = Field(alias="from")
    to: str = "support@postroom.test"
    cc: str | None = None
    subject: str = "A question"
    text: str = "Can you help me?"
    message_id: str | None = None
    in_reply_to: list[str] = Field(default_factory=list)
    references: list[str] = Field(default_factory=list)
    headers: list[str] = Field(default_factory=list)
    attachments: dict[str, str] = Field(default_factory=dict)
    report: Report | None = None
    mailbox: str = "support"
    thread: str | None = None
    with_next: bool = False
    expect: Expect = Expect()
    answer: Answer | None = None
    then: list[str] = Field(default_factory=list)
    outbound: Outbound | None = None


class Scenario(_Part):
    """`title` says the behaviour in a sentence, `why` the danger or the rule behind it."""

    title: str
    why: str = ""
    state: State = State()
    mail: list[Mail]


def load(path: Path) -> Scenario:
    return Scenario.model_validate(tomllib.loads(path.read_text("utf-8")))


def paths() -> list[Path]:
    return sorted(DIRECTORY.rglob("*.toml"))


def name(path: Path) -> str:
    return path.relative_to(DIRECTORY).with_suffix("").as_posix()
