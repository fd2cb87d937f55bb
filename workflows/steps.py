"""The activities as the workflows see them: a name, types in and out, time-outs and a retry policy.

Workflows never import an activity's code, so nothing that does I/O comes near them. Replay does not notice a changed
time-out, so all of them stand here, and a test holds this table against a committed fingerprint.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy

from domain.deciding import Decide, Decided
from domain.events import DeliveryReport, EndpointRef
from domain.inbound import Committed, Conclude, Fetched, InboundEmail, ParseResult
from domain.mailbox import MailboxChange, MailboxRef, SyncResult
from domain.mailbox_jobs import MailboxJob
from domain.retention import RetentionPass
from domain.task import Advance, AskPerson, Ignored, OpenTask, Settle, TaskResolution
from workflows import names

In = TypeVar("In")
Out = TypeVar("Out")

# Transient failures retry for as long as it takes; which failures are permanent, the activities themselves say.
_PATIENT = RetryPolicy(
    initial_interval=timedelta(milliseconds=250),
    maximum_interval=timedelta(seconds=30),
    non_retryable_error_types=["PayloadsTooLarge"],
)
# For sources, which throttle: slower, and their Retry-After comes as the error's next_retry_delay.
_PROVIDER = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    maximum_interval=timedelta(minutes=5),
    non_retryable_error_types=["PayloadsTooLarge"],
)
# Heartbeats end when a worker dies, and then another one takes over: that is this policy's only reason to wait.
_LISTENING = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10))


@dataclass(frozen=True, slots=True)
class Step(Generic[In, Out]):
    """A regular activity. Costs 6 events; for I/O, and for what has its own queue, rate or attempts to show."""

    name: str
    result: type[Out]
    timeout: timedelta
    retry: RetryPolicy = field(default_factory=lambda: _PATIENT)
    queue: str = names.MAIL_QUEUE
    heartbeat: timedelta | None = None

    async def __call__(self, argument: In, summary: str = "") -> Out:
        result: Out = await workflow.execute_activity(
            self.name,
            argument,
            result_type=self.result,
            task_queue=self.queue,
            start_to_close_timeout=self.timeout,
            heartbeat_timeout=self.heartbeat,
            retry_policy=self.retry,
            summary=summary or None,
        )
        return result


@dataclass(frozen=True, slots=True)
class LocalStep(Generic[In, Out]):
    """A local activity. Costs 1 event, and blocks the workflow meanwhile; for short steps only."""

    name: str
    result: type[Out]
    timeout: timedelta
    retry: RetryPolicy = field(default_factory=lambda: _PATIENT)

    async def __call__(self, argument: In, summary: str = "") -> Out:
        result: Out = await workflow.execute_local_activity(
            self.name,
            argument,
            result_type=self.result,
            start_to_close_timeout=self.timeout,
            retry_policy=self.retry,
            summary=summary or None,
        )
        return result


FETCH: Step[InboundEmail, Fetched] = Step(
    "fetch_message",
    Fetched,
    timedelta(minutes=10),
    retry=_PROVIDER,
    queue=names.PROVIDER_QUEUE,
    heartbeat=timedelta(seconds=15),
)
PARSE: Step[InboundEmail, ParseResult] = Step(
    "parse_message", ParseResult, timedelta(minutes=10), heartbeat=timedelta(seconds=15)
)
PARSE_SMALL: LocalStep[InboundEmail, ParseResult] = LocalStep("parse_message", ParseResult, timedelta(seconds=30))
FIND_THREAD: LocalStep[Decide, Decided] = LocalStep("find_thread", Decided, timedelta(seconds=30))
CREATE_TICKET: Step[InboundEmail, Committed] = Step("create_ticket", Committed, timedelta(seconds=30))
APPEND_COMMENT: Step[InboundEmail, Committed] = Step("append_comment", Committed, timedelta(seconds=30))
RECORD_OUTCOME: Step[InboundEmail, Committed] = Step("record_outcome", Committed, timedelta(seconds=30))
CONCLUDE: Step[Conclude, Committed] = Step("conclude", Committed, timedelta(seconds=30))
STORE_ATTACHMENTS: Step[InboundEmail, None] = Step(
    "store_attachments", type(None), timedelta(minutes=10), heartbeat=timedelta(seconds=15)
)

OPEN_TASK: Step[AskPerson, OpenTask] = Step("open_task", OpenTask, timedelta(seconds=30))
SETTLE_TASK: Step[Settle, TaskResolution] = Step("settle_task", TaskResolution, timedelta(seconds=30))
ADVANCE_TASK: Step[Advance, None] = Step("advance_task", type(None), timedelta(seconds=30))
NOTE_IGNORED: Step[Ignored, None] = Step("note_ignored_answer", type(None), timedelta(seconds=30))

SYNC_MAILBOX: Step[MailboxRef, SyncResult] = Step(
    "sync_mailbox",
    SyncResult,
    timedelta(minutes=10),
    retry=_PROVIDER,
    queue=names.SYNC_QUEUE,
    heartbeat=timedelta(minutes=1),
)
CHANGE_MAILBOX: Step[MailboxChange, MailboxRef] = Step("change_mailbox", MailboxRef, timedelta(seconds=30))
RUN_MAILBOX_JOB: Step[MailboxJob, None] = Step(
    "run_mailbox_job",
    type(None),
    timedelta(hours=6),
    retry=_PROVIDER,
    queue=names.JOBS_QUEUE,
    heartbeat=timedelta(seconds=15),
)
LOOK_AFTER_MAILBOXES: Step[None, int] = Step("look_after_mailboxes", int, timedelta(minutes=5))
APPLY_RETENTION: Step[None, RetentionPass] = Step(
    "apply_retention", RetentionPass, timedelta(minutes=10), heartbeat=timedelta(seconds=15)
)
LISTEN: Step[int, None] = Step(
    "listen",
    type(None),
    timedelta(days=1),
    retry=_LISTENING,
    queue=names.LISTENER_QUEUE,
    heartbeat=timedelta(seconds=15),
)
DELIVER_EVENTS: Step[EndpointRef, DeliveryReport] = Step(
    "deliver_events",
    DeliveryReport,
    timedelta(minutes=2),
    queue=names.PROVIDER_QUEUE,
    heartbeat=timedelta(seconds=15),
)
