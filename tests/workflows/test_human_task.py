"""Waiting for a person: which answers count, and what happens while none comes."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import WorkflowHandle

from domain.deciding import Decided
from domain.inbound import Committed, ParseResult
from domain.task import OpenTask, TaskResolution
from tests.workflows.stage import HOUR, MAIL, Stage, task
from workflows import names
from workflows.inbound_email import SMALL_MESSAGE


@pytest.fixture
def asking(stage: Stage) -> Stage:
    """A message whose first decision asks, and whose second makes a ticket."""
    stage.answers(find_thread=[Decided(action="ask"), Decided(action="create")])
    return stage


async def answer(run: WorkflowHandle[object, Committed], choice: str, **rest: object) -> None:
    await run.signal(names.RESOLVE_TASK, TaskResolution.model_validate({"choice": choice, "by": "ann", **rest}))


async def test_an_answer_is_settled_and_decided_with(asking: Stage) -> None:
    run = await asking.mail()
    await asking.waits_for_person()
    await answer(run, "client:1", remember=True)
    assert (await run.result()).outcome == "ticket"
    (settle,) = asking.asked("settle_task")
    assert settle.resolution == TaskResolution(choice="client:1", by="ann", remember=True)
    (answered,) = asking.asked("find_thread")[1].answers
    assert (answered.kind, answered.resolution.choice) == ("identify_client", "client:1")
    assert asking.steps == ["parse_message", "find_thread", "open_task", "settle_task", "find_thread", "create_ticket"]


@pytest.mark.parametrize(
    "invalid",
    [{"choice": "client:99"}, {"choice": "retry"}, {"choice": "client:1", "task_id": task(2)}],
    ids=["no such option", "an option of another kind", "another task"],
)
async def test_an_answer_that_does_not_fit_is_recorded_and_leaves_it_waiting(
    asking: Stage, invalid: dict[str, object]
) -> None:
    run = await asking.mail()
    await asking.waits_for_person()
    await run.signal(names.RESOLVE_TASK, TaskResolution.model_validate(invalid))
    assert (await asking.until_called("note_ignored_answer")).resolution.choice == invalid["choice"]
    assert "settle_task" not in asking.steps
    await answer(run, "client:2", task_id=task(1))
    await run.result()
    assert [s.resolution.choice for s in asking.asked("settle_task")] == ["client:2"]


async def test_of_two_answers_the_first_counts_and_the_second_is_recorded(asking: Stage) -> None:
    slow = asyncio.Event()

    async def settle(request: object) -> TaskResolution:
        await slow.wait()
        return TaskResolution(choice="client:1", by="ann")

    asking.answers(settle_task=settle)
    run = await asking.mail()
    await asking.waits_for_person()
    await answer(run, "client:1")
    await asking.until_called("settle_task")
    await answer(run, "client:2", by="bob")
    slow.set()
    await run.result()
    assert [i.resolution.by for i in asking.asked("note_ignored_answer")] == ["bob"]
    assert asking.asked("find_thread")[1].answers[0].resolution.by == "ann"


async def test_an_answer_before_there_is_a_question_is_recorded_and_not_used(asking: Stage) -> None:
    parsed = asyncio.Event()

    async def parse(email: object) -> ParseResult:
        await parsed.wait()
        return ParseResult()

    asking.answers(parse_message=parse)
    run = await asking.mail(MAIL.model_copy(update={"size": SMALL_MESSAGE + 1}))
    await asking.until_called("parse_message")
    await answer(run, "client:1")
    parsed.set()
    await asking.until_called("note_ignored_answer")
    await answer(run, "client:2")
    await run.result()
    assert [s.resolution.choice for s in asking.asked("settle_task")] == ["client:2"]


async def test_an_answer_that_overtakes_the_news_of_its_own_task_counts(asking: Stage) -> None:
    """The task stands in Postgres, and can be answered, before the workflow hears that it does."""
    committed = asyncio.Event()

    async def open_slowly(request: object) -> OpenTask:
        await committed.wait()
        return OpenTask(
            task_id=task(1), kind="identify_client", options=("client:1", "no_client"), default="no_client",
            remind_after=4 * HOUR, escalate_after=24 * HOUR, default_after=72 * HOUR,
        )  # fmt: skip

    asking.answers(open_task=open_slowly)
    run = await asking.mail()
    await asking.until_called("open_task")
    await answer(run, "client:1", task_id=task(1))
    committed.set()
    await run.result()
    assert asking.asked("find_thread")[1].answers[0].resolution.by == "ann"
    assert asking.times("settle_task")[0] - asking.times("open_task")[0] < HOUR
    assert "note_ignored_answer" not in asking.steps


async def test_an_answer_to_a_second_question_with_the_first_ones_id_is_not_taken(stage: Stage) -> None:
    stage.answers(find_thread=[Decided(action="ask"), Decided(action="ask"), Decided(action="create")])
    run = await stage.mail()
    await stage.waits_for_person(1)
    await answer(run, "client:1")
    await stage.waits_for_person(2)
    await answer(run, "client:2", task_id=task(1))
    await stage.until_called("note_ignored_answer")
    await answer(run, "no_client", task_id=task(2))
    await run.result()
    assert [a.resolution.choice for a in stage.asked("find_thread")[2].answers] == ["client:1", "no_client"]


# Nobody answers -----------------------------------------------------------------------------------------------


async def test_nobody_answers_so_it_reminds_escalates_and_applies_the_default(asking: Stage) -> None:
    run = await asking.mail()
    await run.result()
    (asked,) = asking.times("open_task")
    after = [round((at - asked) / HOUR) for at in (*asking.times("advance_task"), *asking.times("settle_task"))]
    assert after == [4, 24, 72]
    assert [a.stage for a in asking.asked("advance_task")] == ["reminded", "escalated"]
    assert asking.asked("settle_task")[0].resolution == TaskResolution(choice="no_client", by="deadline")
    assert asking.asked("find_thread")[1].answers[0].resolution.by == "deadline"


@pytest.mark.parametrize(("hours", "stages"), [(3, []), (5, ["reminded"]), (30, ["reminded", "escalated"])])
async def test_an_answer_ends_the_timers(asking: Stage, hours: int, stages: list[str]) -> None:
    run = await asking.mail()
    await asking.waits_for_person()
    await asking.env.sleep(hours * HOUR)
    if stages:
        await asking.until_called("advance_task", len(stages))
    await answer(run, "client:1")
    await run.result()
    assert [a.stage for a in asking.asked("advance_task")] == stages
    assert asking.asked("settle_task")[0].resolution.by == "ann"


async def test_a_wrong_answer_does_not_put_the_reminder_off(asking: Stage) -> None:
    run = await asking.mail()
    await asking.waits_for_person()
    await asking.env.sleep(3 * HOUR)
    await answer(run, "nonsense")
    await asking.until_called("note_ignored_answer")
    await asking.env.sleep(2 * HOUR)
    await asking.until_called("advance_task")
    await answer(run, "client:1")
    await run.result()


# Postgres knows the winner ------------------------------------------------------------------------------------


async def test_the_answer_that_won_in_postgres_is_the_one_that_counts(asking: Stage) -> None:
    asking.answers(settle_task=TaskResolution(choice="client:2", by="bob", task_id=task(1)))
    run = await asking.mail()
    await asking.waits_for_person()
    await answer(run, "client:1")
    await run.result()
    assert asking.asked("find_thread")[1].answers[0].resolution.choice == "client:2"


async def test_an_answer_whose_signal_was_lost_beats_the_deadline(asking: Stage) -> None:
    asking.answers(settle_task=TaskResolution(choice="client:2", by="bob", task_id=task(1)))
    run = await asking.mail()
    await run.result()
    assert asking.asked("settle_task")[0].resolution.by == "deadline"
    assert asking.asked("find_thread")[1].answers[0].resolution.by == "bob"


async def test_who_waits_for_what_can_be_searched_for_while_it_waits(asking: Stage) -> None:
    run = await asking.mail()
    await asking.waits_for_person()
    waiting = {p.key.name: p.value for p in (await run.describe()).typed_search_attributes}
    await answer(run, "client:1")
    await run.result()
    done = {p.key.name: p.value for p in (await run.describe()).typed_search_attributes}
    assert waiting["WaitReason"] == "human:decision"
    assert "WaitReason" not in done


# Postgres in trouble -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["settle_task", "advance_task"])
async def test_what_asks_a_person_is_tried_for_as_long_as_it_takes(asking: Stage, step: str) -> None:
    """There is nobody left to ask about it, and a run that gave up would leave its message open for ever."""
    good = TaskResolution(choice="no_client", by="deadline", task_id=task(1)) if step == "settle_task" else None
    asking.answers(**{step: [KeyError("a bug")] * 15 + [good]})
    run = await asking.mail()
    assert (await run.result()).outcome == "ticket"
    assert asking.steps.count(step) > 15
