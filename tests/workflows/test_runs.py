"""What the rest of the house asks of Temporal: started once, signalled where it runs, and told when it does not."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import WorkflowExecutionStatus

from domain.identity import mailbox_workflow_id
from domain.mailbox import MailboxRef
from domain.runs import NotRunning
from domain.task import TaskResolution
from tests.workflows.stage import HOUR, MAIL, MAILBOX, PARENT, TENANT, Stage
from workers.temporal import TemporalRuns
from workflows import names

KEY = "one@example.com"


@pytest.fixture
def runs(stage: Stage) -> TemporalRuns:
    return TemporalRuns(stage.client)


async def test_a_message_is_started_once_however_often_it_is_asked_for(stage: Stage, runs: TemporalRuns) -> None:
    await asyncio.gather(*(runs.start_email(MAIL, "mail", KEY, history=False) for _ in range(10)))
    await stage.client.get_workflow_handle("mail").result()
    await runs.start_email(MAIL, "mail", KEY, history=False)
    assert stage.steps == ["parse_message", "find_thread", "create_ticket"]


async def test_a_run_can_be_found_by_tenant_mailbox_and_a_hash_of_its_message_id(
    stage: Stage, runs: TemporalRuns
) -> None:
    await runs.start_email(MAIL, "mail", KEY, history=False)
    run = stage.client.get_workflow_handle("mail")
    await run.result()
    attributes = {p.key.name: p.value for p in (await run.describe()).typed_search_attributes}
    assert (attributes["TenantId"], attributes["MailboxId"]) == (str(TENANT), str(MAILBOX))
    assert attributes["Provider"] == "smtp"
    assert KEY not in attributes["MessageIdHash"]
    assert set(attributes) <= set(names.SEARCH_ATTRIBUTES)
    assert len(names.SEARCH_ATTRIBUTES) <= 8


async def test_a_mailbox_has_one_workflow(stage: Stage, runs: TemporalRuns) -> None:
    mailbox = MailboxRef(tenant_id=TENANT, mailbox_id=MAILBOX, provider="smtp", reconcile_every=HOUR)
    for _ in range(3):
        await runs.start_mailbox(mailbox)
    # A pause that comes before its first look would leave it out.
    await stage.until_called("sync_mailbox")
    await runs.change_mailbox(MAILBOX, names.PAUSE)
    assert (await stage.until_called("change_mailbox")).what == "pause"
    assert len(stage.asked("sync_mailbox")) == 1
    run = stage.client.get_workflow_handle(mailbox_workflow_id(MAILBOX))
    assert (await run.describe()).status == WorkflowExecutionStatus.RUNNING


async def test_an_answer_for_a_run_that_has_ended_or_never_began_is_told_so(stage: Stage, runs: TemporalRuns) -> None:
    await (await stage.mail()).result()
    for workflow_id in ("mail", "never-began"):
        with pytest.raises(NotRunning):
            await runs.resolve_task(workflow_id, TaskResolution(choice="client:1"))
    with pytest.raises(NotRunning):
        await runs.change_mailbox(MAILBOX, names.NOTIFY, "")


async def test_a_reply_that_waits_no_more_needs_no_news_of_its_parent(stage: Stage, runs: TemporalRuns) -> None:
    await (await stage.mail()).result()
    for workflow_id in ("mail", "never-began"):
        await runs.parent_done(workflow_id, PARENT)
