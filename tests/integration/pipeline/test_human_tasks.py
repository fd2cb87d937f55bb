"""Questions that wait for a person: one winner, an answer by any way, nothing lost while Temporal is away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from domain.task import TaskResolution
from storage import ledger, tasks
from storage.database import Database
from tests import temporal_server
from tests.house import House, open_house, working_in
from tests.letters import letter
from workers import admin


@pytest_asyncio.fixture
async def question(house: House) -> Any:
    """The open task of a mail whose sender matches two clients."""
    return await ask_which_client(house)


async def ask_which_client(house: House) -> Any:
    for client in ("North", "South"):
        client_id = await admin.add_client(house.db, house.tenant_id, client)
        await admin.add_contact(house.db, house.tenant_id, "pat@example.com", "Pat", client_id)
    await house.send(letter("pat@example.com", "Which client am I?", message_id="which@example.com"))
    return await house.task()


async def test_a_sender_of_two_clients_is_a_question_with_both_as_candidates(house: House, question: Any) -> None:
    assert question["kind"] == "identify_client"
    assert [c["title"] for c in question["candidates"]] == ["North", "South"]
    assert await house.tickets() == []
    (email,) = await house.emails()
    assert email["state"] == "waiting"


async def test_the_answer_resumes_the_run_and_decides_the_client(house: House, question: Any) -> None:
    choice = question["candidates"][1]["option"]
    await house.runs.resolve_task(question["workflow_id"], TaskResolution(choice=choice, by="alex"))
    await house.settled(1)
    (ticket,) = await house.tickets()
    assert choice == f"client:{ticket['client_id']}"
    (task,) = await house.rows("select * from tasks where tenant_id = $1")
    assert (task["state"], task["resolved_by"]) == ("resolved", "alex")


async def test_a_remembered_answer_is_not_asked_again(house: House, question: Any) -> None:
    choice = question["candidates"][0]["option"]
    await house.runs.resolve_task(question["workflow_id"], TaskResolution(choice=choice, by="alex", remember=True))
    await house.settled(1)
    await house.send(letter("pat@example.com", "Another question"))
    await house.settled(2)
    assert {f"client:{t['client_id']}" for t in await house.tickets()} == {choice}


async def test_of_two_answers_one_wins_and_the_other_learns_who(house: House, question: Any) -> None:
    first, second = (TaskResolution(choice="no_client", by=name) for name in ("alex", "kim"))
    async with house.db.tenant(house.tenant_id) as session:
        won = await tasks.settle(session, house.tenant_id, question["task_id"], first, delivered=False)
    async with house.db.tenant(house.tenant_id) as session:
        lost = await tasks.settle(session, house.tenant_id, question["task_id"], second, delivered=False)
    assert (won.won, lost.won, lost.resolution.by) == (True, False, "alex")


async def test_what_the_console_settled_beats_a_signal_with_another_answer(house: House, question: Any) -> None:
    settled = TaskResolution(choice=question["candidates"][0]["option"], by="alex")
    async with house.db.tenant(house.tenant_id) as session:
        await tasks.settle(session, house.tenant_id, question["task_id"], settled, delivered=False)
    other = TaskResolution(choice=question["candidates"][1]["option"], by="kim")
    await house.runs.resolve_task(question["workflow_id"], other)
    await house.settled(1)
    (ticket,) = await house.tickets()
    assert settled.choice == f"client:{ticket['client_id']}"


@pytest.mark.parametrize(
    "payload",
    [
        '{"choice": "no_such_option"}',
        '{"choice": 7}',
        '"nonsense"',
        "{}",
        "null",
        '{"choice": "no_client", "task_id": "x"}',
    ],
)
async def test_an_invalid_answer_leaves_it_waiting(
    house: House, question: Any, temporal: temporal_server.TemporalServer, payload: str
) -> None:
    _signal(temporal, question["workflow_id"], payload)
    _signal(temporal, question["workflow_id"], '{"choice": "no_client"}')
    await house.settled(1)
    (task,) = await house.rows("select * from tasks where tenant_id = $1")
    assert (task["state"], task["resolution"]["choice"]) == ("resolved", "no_client")


async def test_an_answer_that_fits_no_option_is_recorded(
    house: House, question: Any, temporal: temporal_server.TemporalServer
) -> None:
    _signal(temporal, question["workflow_id"], '{"choice": "no_such_option", "by": "kim"}')

    async def recorded() -> bool:
        rows = await house.rows("select * from audit where tenant_id = $1 and action = 'answer_ignored'")
        return [r["actor"] for r in rows] == ["kim"]

    await house.until(recorded, "record of the ignored answer")
    assert len(await house.open_tasks()) == 1


async def test_the_documented_signal_from_the_temporal_command_resumes_it(
    house: House, question: Any, temporal: temporal_server.TemporalServer
) -> None:
    payload = {"task_id": str(question["task_id"]), "choice": "no_client", "by": "ops", "remember": False}
    _signal(temporal, question["workflow_id"], json.dumps(payload))
    await house.settled(1)
    assert len(await house.tickets()) == 1


async def test_a_mailbox_without_defaults_asks_and_goes_on_once_they_are_set(house: House) -> None:
    async with house.db.tenant(house.tenant_id) as session:
        await session.execute("update inbound_defaults set active = false where tenant_id = $1", house.tenant_id)
    await house.send(letter("alice@example.com", "Nobody set this up"))
    task = await house.task()
    assert task["kind"] == "missing_defaults"
    async with house.db.tenant(house.tenant_id) as session:
        await session.execute("update inbound_defaults set active = true where tenant_id = $1", house.tenant_id)
    await house.runs.resolve_task(task["workflow_id"], TaskResolution(choice="retry"))
    (email,) = await house.settled(1)
    assert email["outcome"] == "ticket"


async def test_an_answer_given_while_temporal_is_down_resumes_the_run_once_it_is_back(
    db: Database, tmp_path: Path
) -> None:
    with temporal_server.server() as temporal:
        async with open_house(db, temporal.address, tmp_path / "objects", working=False) as house:
            async with working_in(house):
                task = await ask_which_client(house)
            temporal.kill()
            async with house.db.tenant(house.tenant_id) as session:
                resolution = TaskResolution(choice="no_client", by="alex")
                await tasks.settle(session, house.tenant_id, task["task_id"], resolution, delivered=False)
            await house.send(letter("alice@example.com", "Accepted while Temporal was down"))
            temporal.start()
            async with working_in(house):
                async with house.db.tenant(house.tenant_id) as session:
                    owed = await tasks.owed(session, house.tenant_id, task["task_id"])
                assert owed is not None
                await house.runs.resolve_task(*owed)
                await house.settled(2)
            assert {e["outcome"] for e in await house.emails()} == {"ticket"}


def _signal(temporal: temporal_server.TemporalServer, workflow_id: str, payload: str) -> None:
    signal = ("workflow", "signal", "--workflow-id", workflow_id, "--name", "resolve_task")
    sent = temporal.cli(*signal, "--input", payload)
    assert sent.returncode == 0, sent.stderr


async def restarted(house: House, email: Any) -> None:
    """What `postroom reconcile --repair` does for a message whose run was terminated."""
    await house.client.get_workflow_handle(email["workflow_id"]).terminate()
    async with house.db.tenant(house.tenant_id) as session:
        row = await ledger.open_email(session, house.tenant_id, email["email_id"])
    assert row is not None
    await house.runs.restart_email(row.email, row.workflow_id, row.message_key, history=row.history)


async def test_an_answer_to_a_run_that_was_lost_is_taken_by_the_one_in_its_place(house: House, question: Any) -> None:
    choice = question["candidates"][0]["option"]
    (email,) = await house.emails()
    async with house.db.tenant(house.tenant_id) as session:
        await tasks.settle(
            session, house.tenant_id, question["task_id"], TaskResolution(choice=choice, by="alex"), delivered=False
        )
    await restarted(house, email)
    await house.settled(1)
    (ticket,) = await house.tickets()
    assert choice == f"client:{ticket['client_id']}"
    assert len(await house.rows("select from tasks where tenant_id = $1")) == 1


async def test_a_run_started_anew_that_asks_something_else_asks_it(house: House, question: Any) -> None:
    (email,) = await house.emails()
    await house.rows("update tasks set kind = 'repair_message' where tenant_id = $1 returning 1")
    await restarted(house, email)

    async def asked() -> bool:
        return "identify_client" in {task["kind"] for task in await house.open_tasks()}

    await house.until(asked, "another question")
    (again,) = [task for task in await house.open_tasks() if task["kind"] == "identify_client"]
    assert again["task_id"] != question["task_id"]
    await house.runs.resolve_task(
        email["workflow_id"], TaskResolution(choice=again["candidates"][0]["option"], by="alex")
    )
    await house.settled(1)


async def test_who_answered_is_known_to_the_page_and_not_to_temporal(house: House, question: Any) -> None:
    async with house.db.tenant(house.tenant_id) as session:
        given = TaskResolution(choice="no_client", by="ann@postroom.test")
        await tasks.settle(session, house.tenant_id, question["task_id"], given, delivered=False)
        owed = await tasks.owed(session, house.tenant_id, question["task_id"])
    assert owed is not None
    await house.runs.resolve_task(*owed)
    await house.settled(1)
    history = await house.client.get_workflow_handle(question["workflow_id"]).fetch_history()
    told = b"".join(event.SerializeToString() for event in history.events)
    assert b"no_client" in told
    assert b"ann@" not in told
    (decision,) = await house.rows("select record from decisions where tenant_id = $1")
    assert "ann@postroom.test" in str(decision["record"])
