"""postroom's side of Temporal: one plugin for client, worker, replayer and tests, and the calls we make."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, GetSystemInfoRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import (
    Priority,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.converter import PayloadCodec
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.plugin import SimplePlugin
from temporalio.service import RPCError, RPCStatusCode

from activities.failures import ClassifyFailures
from domain import tracing
from domain.identity import mailbox_job_workflow_id, mailbox_workflow_id, short_hash
from domain.inbound import InboundEmail
from domain.mailbox import MailboxRef
from domain.mailbox_jobs import MailboxJob
from domain.runs import BACKFILL, LIVE, NotRunning, RunState
from domain.task import TaskResolution
from workers import payloads, workflow_runner
from workers.settings import ConfigurationError
from workers.trace_interceptor import MessageTracing
from workflows import names

_RPC = timedelta(seconds=10)
# A poll is answered within a minute, and then there is another one; the server remembers those that went away longer.
_POLLING = timedelta(seconds=90)

_TENANT = SearchAttributeKey.for_keyword("TenantId")
_MAILBOX = SearchAttributeKey.for_keyword("MailboxId")
_PROVIDER = SearchAttributeKey.for_keyword("Provider")
_MESSAGE = SearchAttributeKey.for_keyword("MessageIdHash")


def plugin(codec: PayloadCodec | None = None) -> SimplePlugin:
    return SimplePlugin(
        "postroom",
        data_converter=payloads.converter(codec),
        interceptors=[*([MessageTracing(tracing.TRACER)] if tracing.enabled() else []), ClassifyFailures()],
        workflow_runner=workflow_runner.runner,
    )


async def connect(*, patience: timedelta = timedelta(seconds=30)) -> Client:
    """Connects as Temporal's own environment variables say, waiting a while for a server that is starting.

    Raises ConfigurationError when it cannot be reached in time.
    """
    deadline = asyncio.get_running_loop().time() + patience.total_seconds()
    pause = 0.2
    while True:
        try:
            return await Client.connect(**_connection(), plugins=[plugin(payloads.configured())])
        except (RuntimeError, RPCError):
            if asyncio.get_running_loop().time() > deadline:
                address = _connection().get("target_host")
                raise ConfigurationError(
                    f"No Temporal server answers at {address}: start it, or set TEMPORAL_ADDRESS."
                ) from None
        await asyncio.sleep(pause)
        pause = min(pause * 2, 2)


async def lazy_client() -> Client:
    """For processes that come up, and keep serving, without Temporal: connects with a later call."""
    return await Client.connect(**_connection(), plugins=[plugin(payloads.configured())], lazy=True)


def _connection() -> ClientConnectConfig:
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", "localhost:7233")
    return config


class TemporalRuns:
    """`domain.runs.Runs` over a client."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def start_email(
        self, email: InboundEmail, workflow_id: str, message_key: str, *, history: bool, traceparent: str = ""
    ) -> None:
        with tracing.continuing(traceparent):
            await self._start_email(email, workflow_id, message_key, history, WorkflowIDReusePolicy.REJECT_DUPLICATE)

    async def restart_email(
        self, email: InboundEmail, workflow_id: str, message_key: str, *, history: bool, traceparent: str = ""
    ) -> None:
        with tracing.continuing(traceparent):
            await self._start_email(email, workflow_id, message_key, history, WorkflowIDReusePolicy.ALLOW_DUPLICATE)

    async def _start_email(
        self, email: InboundEmail, workflow_id: str, message_key: str, history: bool, reuse: WorkflowIDReusePolicy
    ) -> None:
        with contextlib.suppress(WorkflowAlreadyStartedError):
            await self.client.start_workflow(
                names.INBOUND_EMAIL,
                email,
                id=workflow_id,
                task_queue=names.MAIL_QUEUE,
                id_reuse_policy=reuse,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(_TENANT, str(email.tenant_id)),
                        SearchAttributePair(_MAILBOX, str(email.mailbox_id)),
                        SearchAttributePair(_PROVIDER, email.provider),
                        SearchAttributePair(_MESSAGE, short_hash(message_key)),
                    ]
                ),
                priority=Priority(priority_key=BACKFILL if history else LIVE, fairness_key=str(email.tenant_id)),
            )

    async def run_state(self, workflow_id: str) -> RunState:
        try:
            description = await self.client.get_workflow_handle(workflow_id).describe(rpc_timeout=_RPC)
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return "unknown"
            raise
        return "running" if description.status == WorkflowExecutionStatus.RUNNING else "ended"

    async def pollers(self, queue: str) -> int:
        described = [
            await self.client.workflow_service.describe_task_queue(
                DescribeTaskQueueRequest(
                    namespace=self.client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
                ),
                timeout=_RPC,
            )
            for kind in (TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)
        ]
        since = datetime.now(UTC) - _POLLING
        return len(
            {
                poller.identity
                for answer in described
                for poller in answer.pollers
                if poller.last_access_time.ToDatetime(UTC) > since
            }
        )

    async def start_job(self, job: MailboxJob) -> None:
        with contextlib.suppress(WorkflowAlreadyStartedError):
            await self.client.start_workflow(
                names.MAILBOX_JOB,
                job,
                id=mailbox_job_workflow_id(job.job_id),
                task_queue=names.MAIL_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(_TENANT, str(job.tenant_id)),
                        SearchAttributePair(_MAILBOX, str(job.mailbox_id)),
                        SearchAttributePair(_PROVIDER, job.provider),
                    ]
                ),
                rpc_timeout=_RPC,
            )

    async def start_mailbox(self, mailbox: MailboxRef) -> None:
        await self.client.start_workflow(
            names.MAILBOX,
            mailbox,
            id=mailbox_workflow_id(mailbox.mailbox_id),
            task_queue=names.MAIL_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(_TENANT, str(mailbox.tenant_id)),
                    SearchAttributePair(_MAILBOX, str(mailbox.mailbox_id)),
                    SearchAttributePair(_PROVIDER, mailbox.provider),
                ]
            ),
        )

    async def change_mailbox(self, mailbox_id: UUID, signal: str, *arguments: object) -> None:
        await self._signal(mailbox_workflow_id(mailbox_id), signal, *arguments)

    async def end_mailbox(self, mailbox_id: UUID) -> None:
        handle = self.client.get_workflow_handle(mailbox_workflow_id(mailbox_id))
        try:
            await handle.terminate(reason="the mailbox was removed", rpc_timeout=_RPC)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise

    async def parent_done(self, workflow_id: str, email_id: UUID) -> None:
        with contextlib.suppress(NotRunning):
            await self._signal(workflow_id, names.PARENT_DONE, email_id)

    async def ping(self) -> None:
        await self.client.workflow_service.get_system_info(GetSystemInfoRequest(), timeout=_RPC)

    async def resolve_task(self, workflow_id: str, resolution: TaskResolution) -> None:
        await self._signal(workflow_id, names.RESOLVE_TASK, resolution)

    async def _signal(self, workflow_id: str, signal: str, *arguments: object) -> None:
        try:
            await self.client.get_workflow_handle(workflow_id).signal(signal, args=list(arguments), rpc_timeout=_RPC)
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                raise NotRunning(workflow_id) from None
            raise
