"""postroom's side of Temporal: one plugin for client, worker, replayer and tests, and the calls we make."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from uuid import UUID

from temporalio.client import Client
from temporalio.common import (
    Priority,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.plugin import SimplePlugin
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.failures import ClassifyFailures
from domain.identity import mailbox_workflow_id, short_hash
from domain.inbound import InboundEmail
from domain.mailbox import MailboxRef
from domain.runs import NotRunning
from domain.task import TaskResolution
from workers.settings import ConfigurationError
from workflows import names

LIVE, BACKFILL = 2, 5

_TENANT = SearchAttributeKey.for_keyword("TenantId")
_MAILBOX = SearchAttributeKey.for_keyword("MailboxId")
_PROVIDER = SearchAttributeKey.for_keyword("Provider")
_MESSAGE = SearchAttributeKey.for_keyword("MessageIdHash")


def _runner(existing: WorkflowRunner | None) -> WorkflowRunner:
    # The sandbox re-imports a workflow's module for every run: each module is small, and all it imports passes through.
    restrictions = SandboxRestrictions.default.with_passthrough_modules("domain", "workflows.steps", "workflows.names")
    return SandboxedWorkflowRunner(restrictions=restrictions)


def plugin() -> SimplePlugin:
    return SimplePlugin(
        "postroom",
        data_converter=pydantic_data_converter,
        interceptors=[ClassifyFailures()],
        workflow_runner=_runner,
    )


async def connect(*, patience: timedelta = timedelta(seconds=30)) -> Client:
    """Connects as Temporal's own environment variables say, waiting a while for a server that is starting.

    Raises ConfigurationError when it cannot be reached in time.
    """
    config = ClientConfig.load_client_connect_config()
    deadline = asyncio.get_running_loop().time() + patience.total_seconds()
    pause = 0.2
    while True:
        try:
            return await Client.connect(**config, plugins=[plugin()])
        except (RuntimeError, RPCError):
            if asyncio.get_running_loop().time() > deadline:
                address = config.get("target_host", "localhost:7233")
                raise ConfigurationError(
                    f"No Temporal server answers at {address}: start it, or set TEMPORAL_ADDRESS."
                ) from None
        await asyncio.sleep(pause)
        pause = min(pause * 2, 2)


class TemporalRuns:
    """`domain.runs.Runs` over a client."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def start_email(self, email: InboundEmail, workflow_id: str, message_key: str, *, history: bool) -> None:
        with contextlib.suppress(WorkflowAlreadyStartedError):
            await self.client.start_workflow(
                names.INBOUND_EMAIL,
                email,
                id=workflow_id,
                task_queue=names.MAIL_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
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

    async def parent_done(self, workflow_id: str, email_id: UUID) -> None:
        with contextlib.suppress(NotRunning):
            await self._signal(workflow_id, names.PARENT_DONE, email_id)

    async def resolve_task(self, workflow_id: str, resolution: TaskResolution) -> None:
        await self._signal(workflow_id, names.RESOLVE_TASK, resolution)

    async def _signal(self, workflow_id: str, signal: str, *arguments: object) -> None:
        try:
            await self.client.get_workflow_handle(workflow_id).signal(
                signal, args=list(arguments), rpc_timeout=timedelta(seconds=10)
            )
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                raise NotRunning(workflow_id) from None
            raise


class LazyRuns:
    """`domain.runs.Runs` for processes that must come up, and keep serving, without Temporal.

    Connects on first use; while the server is away a call raises ConfigurationError or RPCError.
    """

    def __init__(self) -> None:
        self._runs: TemporalRuns | None = None
        self._lock = asyncio.Lock()

    async def start_email(self, email: InboundEmail, workflow_id: str, message_key: str, *, history: bool) -> None:
        await (await self._connected()).start_email(email, workflow_id, message_key, history=history)

    async def start_mailbox(self, mailbox: MailboxRef) -> None:
        await (await self._connected()).start_mailbox(mailbox)

    async def change_mailbox(self, mailbox_id: UUID, signal: str, *arguments: object) -> None:
        await (await self._connected()).change_mailbox(mailbox_id, signal, *arguments)

    async def parent_done(self, workflow_id: str, email_id: UUID) -> None:
        await (await self._connected()).parent_done(workflow_id, email_id)

    async def resolve_task(self, workflow_id: str, resolution: TaskResolution) -> None:
        await (await self._connected()).resolve_task(workflow_id, resolution)

    async def _connected(self) -> TemporalRuns:
        if self._runs is None:
            async with self._lock:
                if self._runs is None:
                    self._runs = TemporalRuns(await connect(patience=timedelta(0)))
        return self._runs
