"""A stage for workflows: the time-skipping server, and activities that answer as the test says and remember it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast
from uuid import UUID

from temporalio import activity
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from domain.deciding import Decide, Decided
from domain.inbound import Committed, Conclude, Fetched, InboundEmail, ParseResult
from domain.mailbox import MailboxChange, MailboxRef, SyncResult
from domain.task import Advance, AskPerson, Ignored, OpenTask, Settle, TaskResolution
from workers.temporal import plugin
from workers.worker import WORKFLOWS
from workflows import names

TENANT, MAILBOX, EMAIL, PARENT = (UUID(int=n) for n in (1, 2, 3, 4))
MAIL = InboundEmail(tenant_id=TENANT, email_id=EMAIL, mailbox_id=MAILBOX, provider="smtp", stored=True, size=2_000)

# Real seconds until a test gives up waiting for what the workflow should do at once.
# Longer than any step's heartbeat time-out: the test server may lose a task, and then that is what it takes.
PATIENCE = 150.0
HOUR = timedelta(hours=1)

Result = TypeVar("Result")

# A value is returned, an exception raised, a function called with the activity's argument.
Answer = Any


def task(number: int = 1) -> UUID:
    """The id of the `number`th task that the stage opens."""
    return UUID(int=100 + number)


def for_good(kind: str = "Permanent") -> ApplicationError:
    """A failure that no retry can mend."""
    return ApplicationError("the source refused for good", type=kind, non_retryable=True)


@dataclass(frozen=True)
class Call:
    """One activity that ran; `at` by the server's clock."""

    name: str
    argument: Any
    at: datetime


class Stage:
    """`answers` by activity name: each is used once, the last one again and again. `calls` is what was asked."""

    def __init__(self, client: Client, env: WorkflowEnvironment) -> None:
        self.client = client
        self.env = env
        self.calls: list[Call] = []
        self._answers: dict[str, list[Answer]] = {}
        self._called = asyncio.Condition()

    # What a test says and asks -----------------------------------------------------------------------------

    def answers(self, **answers: Answer | Sequence[Answer]) -> None:
        for name, answer in answers.items():
            self._answers[name] = list(answer) if isinstance(answer, list) else [answer]

    @property
    def steps(self) -> list[str]:
        """The names of the activities that ran, in order."""
        return [call.name for call in self.calls]

    def asked(self, name: str) -> list[Any]:
        """The arguments of every call of this activity."""
        return [call.argument for call in self.calls if call.name == name]

    def times(self, name: str) -> list[datetime]:
        return [call.at for call in self.calls if call.name == name]

    async def until_called(self, name: str, times: int = 1) -> Any:
        """Waits for the `times`th call of an activity and returns its argument."""
        async with self._called:
            await asyncio.wait_for(self._called.wait_for(lambda: len(self.asked(name)) >= times), PATIENCE)
        return self.asked(name)[times - 1]

    async def until(self, check: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not await check():
                await asyncio.sleep(0.02)

    async def mail(self, email: InboundEmail = MAIL) -> WorkflowHandle[Any, Committed]:
        return await self.client.start_workflow(
            names.INBOUND_EMAIL, email, id="mail", task_queue=names.MAIL_QUEUE, result_type=Committed
        )

    async def mailbox(self, **state: Any) -> WorkflowHandle[Any, None]:
        mailbox = MailboxRef(tenant_id=TENANT, mailbox_id=MAILBOX, provider="imap", **state)
        return await self.client.start_workflow(names.MAILBOX, mailbox, id="mailbox", task_queue=names.MAIL_QUEUE)

    async def waits_for_person(self, times: int = 1) -> None:
        """Until the `times`th question is open and the workflow waits with it."""
        await self.until_called("open_task", times)
        mail = self.client.get_workflow_handle("mail")

        async def timer_runs() -> bool:
            events = (await mail.fetch_history()).events
            opened = [e for e in events if e.activity_task_scheduled_event_attributes.activity_type.name == "open_task"]
            return any(e.HasField("timer_started_event_attributes") for e in events[opened[times - 1].event_id :])

        await self.until(timer_runs)

    async def _answer(self, name: str, argument: Any, default: Result) -> Result:
        async with self._called:
            self.calls.append(Call(name, argument, await self.env.get_current_time()))
            self._called.notify_all()
        waiting = self._answers.get(name)
        answer = default if not waiting else waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, BaseException):
            raise answer
        if callable(answer):
            answer = answer(argument)
        return cast("Result", await answer if isinstance(answer, Awaitable) else answer)

    # The activities under their real names -----------------------------------------------------------------

    @activity.defn
    async def fetch_message(self, email: InboundEmail) -> Fetched:
        return await self._answer("fetch_message", email, Fetched(size=2_000))

    @activity.defn
    async def parse_message(self, email: InboundEmail) -> ParseResult:
        return await self._answer("parse_message", email, ParseResult())

    @activity.defn
    async def find_thread(self, request: Decide) -> Decided:
        return await self._answer("find_thread", request, Decided(action="create"))

    @activity.defn
    async def create_ticket(self, email: InboundEmail) -> Committed:
        return await self._answer("create_ticket", email, Committed(outcome="ticket", ticket_no=1))

    @activity.defn
    async def append_comment(self, email: InboundEmail) -> Committed:
        return await self._answer("append_comment", email, Committed(outcome="comment", ticket_no=1))

    @activity.defn
    async def record_outcome(self, email: InboundEmail) -> Committed:
        return await self._answer("record_outcome", email, Committed(outcome="excluded", reason="auto_reply"))

    @activity.defn
    async def conclude(self, conclusion: Conclude) -> Committed:
        return await self._answer(
            "conclude", conclusion, Committed(outcome=conclusion.outcome, reason=conclusion.reason)
        )

    @activity.defn
    async def store_attachments(self, email: InboundEmail) -> None:
        await self._answer("store_attachments", email, None)

    @activity.defn
    async def open_task(self, request: AskPerson) -> OpenTask:
        repair = bool(request.failed_step)
        opened = OpenTask(
            task_id=task(request.number),
            kind="repair_message" if repair else "identify_client",
            options=("retry", "discard") if repair else ("client:1", "client:2", "no_client", "discard"),
            default="retry" if repair else "no_client",
            remind_after=4 * HOUR,
            escalate_after=24 * HOUR,
            default_after=72 * HOUR,
        )
        return await self._answer("open_task", request, opened)

    @activity.defn
    async def settle_task(self, request: Settle) -> TaskResolution:
        won = request.resolution.model_copy(update={"task_id": request.task_id})
        return await self._answer("settle_task", request, won)

    @activity.defn
    async def advance_task(self, request: Advance) -> None:
        await self._answer("advance_task", request, None)

    @activity.defn
    async def note_ignored_answer(self, request: Ignored) -> None:
        await self._answer("note_ignored_answer", request, None)

    @activity.defn
    async def sync_mailbox(self, mailbox: MailboxRef) -> SyncResult:
        return await self._answer("sync_mailbox", mailbox, SyncResult())

    @activity.defn
    async def change_mailbox(self, change: MailboxChange) -> MailboxRef:
        paused = {"pause": True, "resume": False}.get(change.what, change.mailbox.paused)
        return await self._answer("change_mailbox", change, change.mailbox.model_copy(update={"paused": paused}))

    @activity.defn
    async def listen(self, shard: int) -> None:
        await self._answer("listen", shard, None)

    def _workers(self) -> list[Worker]:
        mail = Worker(
            self.client,
            task_queue=names.MAIL_QUEUE,
            workflows=WORKFLOWS,
            activities=[
                self.parse_message, self.find_thread, self.create_ticket, self.append_comment, self.record_outcome,
                self.conclude, self.store_attachments, self.open_task, self.settle_task, self.advance_task,
                self.note_ignored_answer, self.change_mailbox,
            ],
        )  # fmt: skip
        return [
            mail,
            Worker(self.client, task_queue=names.SYNC_QUEUE, activities=[self.sync_mailbox]),
            Worker(self.client, task_queue=names.PROVIDER_QUEUE, activities=[self.fetch_message]),
            Worker(self.client, task_queue=names.LISTENER_QUEUE, activities=[self.listen]),
        ]


@asynccontextmanager
async def working(env: WorkflowEnvironment) -> AsyncIterator[Stage]:
    """A stage whose workers run in this environment."""
    # The server knows search attributes only by registration, the test server too.
    await env.client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=env.client.namespace,
            search_attributes=dict.fromkeys(names.SEARCH_ATTRIBUTES, IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD),
        )
    )
    stage = Stage(env.client, env)
    async with AsyncExitStack() as workers:
        for worker in stage._workers():
            await workers.enter_async_context(worker)
        yield stage


@asynccontextmanager
async def time_skipping() -> AsyncIterator[WorkflowEnvironment]:
    """A server of the test's own: its clock jumps while a result is awaited."""
    program = Path(sys.executable).with_name("temporal-test-server")
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(program), plugins=[plugin()]
    ) as env:
        yield env


@asynccontextmanager
async def small_histories() -> AsyncIterator[WorkflowEnvironment]:
    """A real server that suggests to continue as new after 40 events instead of 4,096."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(Path(sys.executable).with_name("temporal")),
        dev_server_extra_args=["--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=40"],
        plugins=[plugin()],
    ) as env:
        yield env
