"""What the rest of the house may ask of Temporal, implemented in `workers.temporal`."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from domain.inbound import InboundEmail
from domain.mailbox import MailboxRef
from domain.task import TaskResolution


class NotRunning(Exception):
    """The workflow that was to be signalled has ended, or never began."""


class Runs(Protocol):
    """Each call is one RPC; all but `NotRunning` failures are transient."""

    async def start_email(
        self, email: InboundEmail, workflow_id: str, message_key: str, *, history: bool, traceparent: str = ""
    ) -> None:
        """Starts the message's workflow, in its trace; one that runs or has run already is success."""

    async def start_mailbox(self, mailbox: MailboxRef) -> None:
        """Starts the mailbox's entity workflow unless it runs."""

    async def change_mailbox(self, mailbox_id: UUID, signal: str, *arguments: object) -> None:
        """Signals the mailbox's entity workflow. Raises NotRunning."""

    async def parent_done(self, workflow_id: str, email_id: UUID) -> None:
        """Wakes a reply that waits for this mail; one that has ended already is success."""

    async def resolve_task(self, workflow_id: str, resolution: TaskResolution) -> None:
        """Delivers an answer. Raises NotRunning."""
