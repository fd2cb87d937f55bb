"""Every branch of a message's workflow, with activities that answer as each case says."""

from __future__ import annotations

import pytest

from activities.failures import UNFORESEEN_ATTEMPTS
from domain.deciding import Decided
from domain.inbound import Committed, Fetched, ParentWait, ParseResult
from domain.task import TaskResolution
from tests.workflows.stage import EMAIL, HOUR, MAIL, PARENT, Stage, for_good
from workflows import names
from workflows.inbound_email import SMALL_MESSAGE

FROM_SOURCE = MAIL.model_copy(update={"provider": "imap", "stored": False, "size": 0})
WAIT = Decided(action="wait", wait=ParentWait(email_id=PARENT, patience=2 * HOUR))


async def test_a_stored_message_is_parsed_decided_and_committed(stage: Stage) -> None:
    run = await stage.mail()
    assert await run.result() == Committed(outcome="ticket", ticket_no=1)
    assert stage.steps == ["parse_message", "find_thread", "create_ticket"]


async def test_a_message_at_its_source_is_fetched_first(stage: Stage) -> None:
    run = await stage.mail(FROM_SOURCE)
    await run.result()
    assert stage.steps == ["fetch_message", "parse_message", "find_thread", "create_ticket"]


async def test_a_message_that_left_its_source_is_recorded_as_gone(stage: Stage) -> None:
    stage.answers(fetch_message=Fetched(gone=True))
    run = await stage.mail(FROM_SOURCE)
    assert await run.result() == Committed(outcome="gone", reason="gone_at_source")
    assert stage.steps == ["fetch_message", "conclude"]


@pytest.mark.parametrize(
    ("size", "parsed_locally"),
    [(SMALL_MESSAGE, True), (SMALL_MESSAGE + 1, False)],
    ids=["a small one in the workflow's worker", "a large one as an activity of its own"],
)
@pytest.mark.parametrize("stored", [True, False], ids=["delivered", "fetched"])
async def test_where_a_message_is_parsed_depends_on_its_size(
    stage: Stage, size: int, parsed_locally: bool, stored: bool
) -> None:
    stage.answers(fetch_message=Fetched(size=size))
    run = await stage.mail(MAIL.model_copy(update={"size": size}) if stored else FROM_SOURCE)
    await run.result()
    scheduled = [
        e.activity_task_scheduled_event_attributes.activity_type.name for e in (await run.fetch_history()).events
    ]
    assert ("parse_message" not in scheduled) == parsed_locally


@pytest.mark.parametrize(
    ("action", "commit", "committed"),
    [
        ("create", "create_ticket", Committed(outcome="ticket", ticket_no=7)),
        ("append", "append_comment", Committed(outcome="comment", ticket_no=7)),
        ("exclude", "record_outcome", Committed(outcome="excluded", reason="auto_reply")),
        ("discard", "record_outcome", Committed(outcome="discarded", reason="review_sender")),
        ("duplicate", "record_outcome", Committed(outcome="duplicate", reason="same_message", ticket_no=7)),
    ],
)
async def test_each_decision_has_its_commit(stage: Stage, action: str, commit: str, committed: Committed) -> None:
    stage.answers(find_thread=Decided(action=action), **{commit: committed})
    run = await stage.mail()
    assert await run.result() == committed
    assert stage.steps == ["parse_message", "find_thread", commit]


async def test_the_outcome_and_the_ticket_can_be_searched_for(stage: Stage) -> None:
    run = await stage.mail()
    await run.result()
    attributes = {p.key.name: p.value for p in (await run.describe()).typed_search_attributes}
    assert attributes == {"Outcome": "ticket", "TicketNo": "1"}


async def test_a_stale_commit_is_decided_again(stage: Stage) -> None:
    stage.answers(find_thread=[Decided(action="create"), Decided(action="append")], create_ticket=Committed(stale=True))
    run = await stage.mail()
    assert (await run.result()).outcome == "comment"
    assert stage.steps == ["parse_message", "find_thread", "create_ticket", "find_thread", "append_comment"]


@pytest.mark.parametrize(
    ("attachments", "decided", "stored"),
    [
        (2, "create", True),
        (2, "append", True),
        (2, "exclude", False),
        (2, "duplicate", False),
        (0, "create", False),
    ],
)
async def test_attachments_are_stored_after_a_ticket_or_comment_only(
    stage: Stage, attachments: int, decided: str, stored: bool
) -> None:
    stage.answers(parse_message=ParseResult(attachments=attachments), find_thread=Decided(action=decided))
    run = await stage.mail()
    await run.result()
    assert (stage.steps[-1] == "store_attachments") == stored


# A reply whose parent is not decided yet ----------------------------------------------------------------------


async def test_a_reply_goes_on_as_soon_as_its_parent_is_decided(stage: Stage) -> None:
    stage.answers(find_thread=[WAIT, Decided(action="append")])
    run = await stage.mail()
    await stage.until_called("find_thread")
    await run.signal(names.PARENT_DONE, PARENT)
    assert (await run.result()).outcome == "comment"
    assert stage.asked("find_thread")[1].waited == ()


async def test_the_news_of_another_mail_does_not_end_the_wait(stage: Stage) -> None:
    stage.answers(find_thread=[WAIT, Decided(action="append")])
    run = await stage.mail()
    await stage.until_called("find_thread")
    await run.signal(names.PARENT_DONE, EMAIL)
    await run.result()
    assert stage.asked("find_thread")[1].waited == (PARENT,)


async def test_a_reply_is_decided_without_its_parent_when_patience_is_over(stage: Stage) -> None:
    stage.answers(find_thread=[WAIT, Decided(action="create")])
    run = await stage.mail()
    assert (await run.result()).outcome == "ticket"
    first, second = stage.times("find_thread")
    assert second - first >= 2 * HOUR
    assert stage.asked("find_thread")[1].waited == (PARENT,)


# Steps that fail ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step", ["fetch_message", "parse_message", "find_thread", "create_ticket", "store_attachments"]
)
async def test_a_step_that_fails_for_good_waits_for_a_person_and_is_tried_again(stage: Stage, step: str) -> None:
    default = {"fetch_message": Fetched(size=1), "find_thread": Decided(action="create")}
    default |= {"parse_message": ParseResult(attachments=1), "create_ticket": Committed(outcome="ticket", ticket_no=1)}
    stage.answers(**(default | {step: [for_good(), default.get(step)]}))
    run = await stage.mail(FROM_SOURCE)
    question = await stage.until_called("open_task")
    assert (question.failed_step, question.failure) == (step, "Permanent")
    await stage.waits_for_person()
    await run.signal(names.RESOLVE_TASK, TaskResolution(choice="retry", by="ann"))
    assert (await run.result()).outcome == "ticket"
    assert stage.steps.count(step) == 2


async def test_a_step_that_fails_for_good_can_be_answered_by_discarding_the_message(stage: Stage) -> None:
    stage.answers(parse_message=for_good())
    run = await stage.mail()
    await stage.waits_for_person()
    await run.signal(names.RESOLVE_TASK, TaskResolution(choice="discard", by="ann"))
    assert await run.result() == Committed(outcome="discarded", reason="repair_message")
    assert stage.steps == ["parse_message", "open_task", "settle_task", "conclude"]


async def test_a_passing_failure_is_retried_and_asks_nobody(stage: Stage) -> None:
    passing = OSError("gone for a moment")
    stage.answers(create_ticket=[passing, passing, Committed(outcome="ticket", ticket_no=1)])
    run = await stage.mail()
    assert (await run.result()).outcome == "ticket"
    assert stage.steps.count("create_ticket") == 3
    assert "open_task" not in stage.steps


async def test_the_last_step_of_a_run_is_tried_for_as_long_as_it_takes(stage: Stage) -> None:
    gone = Committed(outcome="gone", reason="gone_at_source")
    stage.answers(fetch_message=Fetched(gone=True), conclude=[KeyError("a bug")] * 15 + [gone])
    run = await stage.mail(FROM_SOURCE)
    assert await run.result() == gone


async def test_a_step_that_keeps_failing_as_nobody_foresaw_asks_a_person(stage: Stage) -> None:
    stage.answers(create_ticket=[KeyError("a bug")] * UNFORESEEN_ATTEMPTS + [Committed(outcome="ticket", ticket_no=1)])
    run = await stage.mail()
    assert (await run.result()).outcome == "ticket"  # the deadline's default: to try once more
    (question,) = stage.asked("open_task")
    assert (question.failed_step, question.failure) == ("create_ticket", "KeyError")


async def test_a_failure_text_reaches_neither_the_question_nor_the_history(stage: Stage) -> None:
    stage.answers(create_ticket=[ApplicationTrouble("alice@example.com wrote: secret"), Committed(outcome="ticket")])
    run = await stage.mail()
    await run.result()
    assert b"alice@example.com" not in (await run.fetch_history()).to_json().encode()


class ApplicationTrouble(Exception):
    """An unforeseen failure whose text quotes the message."""
