"""What the rest of the house may ask of Temporal, implemented in `workers.temporal`."""

from __future__ import annotations

from typing import Literal, Protocol
from uuid import UUID

from domain.inbound import InboundEmail
from domain.mailbox import MailboxRef
from domain.mailbox_jobs import MailboxJob
from domain.task import TaskResolution

# A workflow as Temporal knows it; "unknown": it never was, or its retention has passed.
RunState = Literal["running", "ended", "unknown"]

# Temporal's priority keys, 1 the most urgent: mail that arrives now goes before mail that was there before us.
LIVE, BACKFILL = 2, 5


class NotRunning(Exception):
    """The workflow that was to be signalled has ended, or never began."""


class Runs(Protocol):
    """Each call is one RPC; all but `NotRunning` failures are transient."""

    async def start_email(
        self, email: InboundEmail, workflow_id: str, message_key: str, *, history: bool, traceparent: str = ""
    ) -> None:
        """Starts the message's workflow, in its trace; one that runs or has run already is success."""

    async def restart_email(
        self, email: InboundEmail, workflow_id: str, message_key: str, *, history: bool, traceparent: str = ""
    ) -> None:
        """Starts a message whose earlier run ended without an outcome; one that runs is success."""

    async def run_state(self, workflow_id: str) -> RunState:
        """How the latest run of a workflow stands."""

    async def pollers(self, queue: str) -> int:
        """How many processes ask this task queue for work."""

    async def start_job(self, job: MailboxJob) -> None:
        """Starts the work on a mailbox that was asked for; once is enough."""

    async def start_mailbox(self, mailbox: MailboxRef) -> None:
        """Starts the mailbox's entity workflow unless it runs."""

    async def change_mailbox(self, mailbox_id: UUID, signal: str, *arguments: object) -> None:
        """Signals the mailbox's entity workflow. Raises NotRunning."""

    async def end_mailbox(self, mailbox_id: UUID) -> None:
        """Ends the mailbox's entity workflow; one that does not run is success."""

    async def parent_done(self, workflow_id: str, email_id: UUID) -> None:
        """Wakes a reply that waits for this mail; one that has ended already is success."""

    async def ping(self) -> None:
        """Succeeds while the server answers."""

    async def resolve_task(self, workflow_id: str, resolution: TaskResolution) -> None:
        """Delivers an answer. Raises NotRunning."""
