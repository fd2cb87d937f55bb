"""`postroom worker`: runs the workflows and every activity but listening."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import py_compile
from contextlib import AsyncExitStack
from datetime import timedelta

import structlog
from aiohttp import web
from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, Worker

from activities.attachments import StoreAttachments
from activities.decide import DecideMessage
from activities.events import DeliverEvents
from activities.fetch import FetchMessage
from activities.mailbox import MailboxActivities
from activities.mailbox_jobs import MailboxJobs
from activities.parse import ParseMessage
from activities.retention import ApplyRetention
from activities.services import Services
from activities.sources import Sources
from activities.tasks import HumanTaskActivities
from activities.upkeep import Upkeep
from mail.pool import ParserPool
from storage.objects import Objects
from storage.secrets import KeyRing
from workers import entities, event_dispatch, health, house_gauges, process, temporal
from workers.polling import ACTIVITIES, Polling
from workers.polling import WORKFLOWS as WORKFLOW_TASKS
from workers.settings import Settings
from workers.sources import open_sources
from workflows import names
from workflows.event_delivery import EventDeliveryWorkflow
from workflows.inbound_email import InboundEmailWorkflow
from workflows.listener import ListenerWorkflow
from workflows.mailbox import MailboxWorkflow
from workflows.mailbox_job import MailboxJobWorkflow
from workflows.retention import RetentionWorkflow
from workflows.upkeep import UpkeepWorkflow

WORKFLOWS = [
    InboundEmailWorkflow,
    MailboxWorkflow,
    ListenerWorkflow,
    MailboxJobWorkflow,
    UpkeepWorkflow,
    RetentionWorkflow,
    EventDeliveryWorkflow,
]

# Not the queue of what talks to sources: when twenty slow sources take every slot of it, nobody polls, and all is well.
POLLS = ((names.MAIL_QUEUE, WORKFLOW_TASKS), (names.MAIL_QUEUE, ACTIVITIES))

log = structlog.get_logger("worker")


def build(client: Client, services: Services, sources: Sources, deliver: DeliverEvents) -> list[Worker]:
    """The workers of this process: workflows with their commits, and what talks to sources at its own rate."""
    decide, tasks, mailbox = (
        DecideMessage(services),
        HumanTaskActivities(services),
        MailboxActivities(services, sources),
    )
    mail = Worker(
        client,
        task_queue=names.MAIL_QUEUE,
        workflows=WORKFLOWS,
        activities=[
            ParseMessage(services).parse_message,
            decide.find_thread,
            decide.create_ticket,
            decide.append_comment,
            decide.record_outcome,
            decide.conclude,
            StoreAttachments(services).store_attachments,
            tasks.open_task,
            tasks.settle_task,
            tasks.advance_task,
            tasks.note_ignored_answer,
            mailbox.sync_mailbox,  # what a release before `mailbox-sync` has scheduled here
            mailbox.change_mailbox,
            Upkeep(services).look_after_mailboxes,
            ApplyRetention(services).apply_retention,
        ],
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        graceful_shutdown_timeout=timedelta(seconds=20),
    )
    # Sources that take requests and do not answer hold every slot here, and none of the commits'.
    sync = Worker(
        client,
        task_queue=names.SYNC_QUEUE,
        activities=[mailbox.sync_mailbox],
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        graceful_shutdown_timeout=timedelta(seconds=20),
    )
    provider_io = Worker(
        client,
        task_queue=names.PROVIDER_QUEUE,
        activities=[
            FetchMessage(services, sources).fetch_message,
            deliver.deliver_events,
        ],
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        max_concurrent_activities=20,
        graceful_shutdown_timeout=timedelta(seconds=20),
    )
    # A queue of their own: comparing whole mailboxes may take hours, and fetching a mail must not wait for that.
    jobs = Worker(
        client,
        task_queue=names.JOBS_QUEUE,
        activities=[MailboxJobs(services, sources).run_mailbox_job],
        max_concurrent_activities=8,
        graceful_shutdown_timeout=timedelta(seconds=20),
    )
    return [mail, sync, provider_io, jobs]


def compile_workflows() -> None:
    """Bytecode for the workflow modules: the sandbox imports them anew for every run, and would compile them each time.

    Installed packages have theirs; a checkout under PYTHONDONTWRITEBYTECODE has none.
    """
    for workflow in WORKFLOWS:
        with contextlib.suppress(OSError):  # a read-only installation: each run compiles
            py_compile.compile(str(inspect.getsourcefile(workflow)), quiet=1)


async def run(settings: Settings) -> None:
    compile_workflows()
    keyring = KeyRing(settings.master_keys.get_secret_value())
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(process.database(settings))
        client = await temporal.connect()
        runs = temporal.TemporalRuns(client)
        parser = ParserPool(processes=settings.parser_processes)
        await parser.start()
        stack.push_async_callback(parser.close)
        objects = Objects(settings.objects_url)
        sources = await stack.enter_async_context(open_sources(settings, db))
        services = Services(
            db=db,
            objects=objects,
            parser=parser,
            runs=runs,
            keyring=keyring,
            token_keys=keyring.derive("reply-token"),
            public_url=settings.public_url,
            max_message_bytes=settings.max_message_bytes,
            scanner=settings.scanner,
        )
        polling = Polling(client, POLLS)
        if settings.health_port:
            application = web.Application()
            checks = {"postgres": health.postgres(db), "objects": health.object_store(objects), "polls": polling.ready}
            application.add_routes(health.routes(checks, {"polling": polling.alive}))
            server = await health.serve(application, settings.host, settings.health_port)
            stack.push_async_callback(server.cleanup)
        log.info("worker is polling")
        async with asyncio.TaskGroup() as group:
            deliver = DeliverEvents(db, keyring, allow_private_hosts=settings.allow_private_hosts)
            for worker in build(client, services, sources, deliver):
                group.create_task(worker.run())
            group.create_task(event_dispatch.keep_dispatching(db, client))
            group.create_task(entities.keep_running(db, runs, settings))
            group.create_task(house_gauges.keep_counting(db))
            group.create_task(polling.watch())
