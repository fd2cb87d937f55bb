"""Answers to human tasks: settled once, delivered once, whatever Temporal does meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest_asyncio

from domain.task import SOMEBODY, TaskResolution
from tests.integration.console.site import Site
from tests.letters import letter
from workers import admin


@pytest_asyncio.fixture
async def task(site: Site) -> Any:
    """A mail whose sender belongs to two clients."""
    for name in ("Bakery", "Books"):
        client_id = await admin.add_client(site.db, site.tenant.tenant_id, name)
        await admin.add_contact(site.db, site.tenant.tenant_id, "ines@example.org", "Ines", client_id)
    await site.receive(letter("Ines <ines@example.org>", "One report is missing", "Which one?", message_id="q@x.test"))
    return await stored(site)


async def stored(site: Site) -> Any:
    return await site.row("select * from tasks where tenant_id = $1")


def choose(task: Any, label: str) -> str:
    return str(next(option["id"] for option in task["options"] if option["label"] == label))


async def test_an_answer_by_api_settles_and_reaches_the_run(site: Site, task: Any) -> None:
    http = await site.api("write")
    async with http.get(f"tasks/{task['task_id']}") as response:
        shown = await response.json()
    assert (shown["kind"], shown["state"], len(shown["candidates"])) == ("identify_client", "open", 2)
    assert choose(task, "Books") in [option["id"] for option in shown["options"]]
    body = {"choice": choose(task, "Books"), "remember": True}
    async with http.post(f"tasks/{task['task_id']}/resolution", json=body) as response:
        assert response.status == 200
        answered = await response.json()
    assert (answered["state"], answered["resolved_by"], answered["choice"]) == ("resolved", "api:tests", body["choice"])
    ((workflow_id, resolution),) = site.temporal.delivered
    assert workflow_id == task["workflow_id"]
    assert resolution == TaskResolution(choice=body["choice"], task_id=task["task_id"], by=SOMEBODY, remember=True)
    assert (await stored(site))["delivered_at"] is not None
    learned = await site.row("select * from sender_associations where tenant_id = $1")
    assert (learned["value"], learned["learned_by"]) == ("ines@example.org", "api:tests")


async def test_the_second_answer_learns_who_won(site: Site, task: Any) -> None:
    http = await site.api("write")
    path = f"tasks/{task['task_id']}/resolution"

    async def answer(choice: str) -> tuple[int, Any]:
        async with http.post(path, json={"choice": choice}) as response:
            return response.status, await response.json()

    answers = await asyncio.gather(*(answer(choose(task, label)) for label in ("Books", "Bakery")))
    (won,), (lost,) = ([body for status, body in answers if status == wanted] for wanted in (200, 409))
    assert (lost["resolved_by"], lost["choice"]) == (won["resolved_by"], won["choice"])
    assert "api:tests" in lost["detail"]
    assert len(site.temporal.delivered) == 1


async def test_an_answer_that_is_no_option_changes_nothing(site: Site, task: Any) -> None:
    http = await site.api("write")
    for body in ({"choice": "nonsense"}, {"choice": 5}, {}, {"choice": "no_client", "extra": 1}):
        async with http.post(f"tasks/{task['task_id']}/resolution", json=body) as response:
            assert response.status == 422
            problem = await response.json()
    assert problem["detail"]
    async with http.post(f"tasks/{task['task_id']}/resolution", json={"choice": "nonsense"}) as response:
        assert (await response.json())["options"] == [option["id"] for option in task["options"]]
    assert (await stored(site))["state"] == "open"


async def test_a_token_that_may_only_read_does_not_answer(site: Site, task: Any) -> None:
    http = await site.api("read")
    async with http.post(f"tasks/{task['task_id']}/resolution", json={"choice": "no_client"}) as response:
        assert response.status == 403
    assert (await stored(site))["state"] == "open"


async def test_an_answer_given_while_temporal_is_away_is_delivered_when_it_is_back(site: Site, task: Any) -> None:
    site.temporal.state = "away"
    agent = await site.person("agent")
    status, page = await agent.post(f"/tasks/{task['task_id']}", {"choice": "no_client"})
    assert status == 200
    assert "the mail goes on when Temporal is back" in page
    assert (await stored(site))["delivered_at"] is None
    await site.delivery.deliver_owed()
    assert (await stored(site))["delivered_at"] is None
    site.temporal.state = "up"
    await site.delivery.deliver_owed()
    await site.delivery.deliver_owed()
    assert [resolution.choice for _, resolution in site.temporal.delivered] == ["no_client"]
    assert (await stored(site))["delivered_at"] is not None


async def test_an_answer_to_a_run_that_has_ended_is_not_owed_for_ever(site: Site, task: Any) -> None:
    site.temporal.state = "ended"
    agent = await site.person("agent")
    await agent.post(f"/tasks/{task['task_id']}", {"choice": "no_client"})
    assert (await stored(site))["delivered_at"] is not None


async def test_the_page_answers_and_remembers(site: Site, task: Any) -> None:
    agent = await site.person("agent")
    status, page = await agent.get(f"/tasks/{task['task_id']}")
    assert status == 200
    for text in ("For which one is this mail?", "ines@example.org is a contact of Bakery", "Which one?", "Discard"):
        assert text in page
    form = {"choice": choose(task, "Bakery"), "remember": "yes"}
    status, page = await agent.post(f"/tasks/{task['task_id']}", form)
    assert status == 200
    assert "Answered “Bakery”" in page
    learned = await site.row("select * from sender_associations where tenant_id = $1")
    assert learned["learned_by"] == "agent@postroom.test"
    (entry,) = await rows(site, "select * from audit where tenant_id = $1 and action = 'resolve_task'")
    assert entry["actor"] == "agent@postroom.test"


async def test_the_second_person_sees_who_was_first(site: Site, task: Any) -> None:
    first, second = await site.person("agent"), await site.person("owner")
    await first.post(f"/tasks/{task['task_id']}", {"choice": "no_client"})
    status, page = await second.post(f"/tasks/{task['task_id']}", {"choice": "discard"})
    assert status == 409
    assert "agent@postroom.test answered first: “None of them”" in page
    assert (await stored(site))["resolution"]["choice"] == "no_client"


async def test_mails_that_wait_with_it_are_listed(site: Site, task: Any) -> None:
    reply = letter("ines@example.org", "Re: One report", in_reply_to="q@x.test")
    waiting = await site.receive(reply)
    assert waiting["waits_for"] == task["email_id"]
    await site.receive(letter("bob@example.com", "Re: Re: One report", in_reply_to=str(reply["Message-ID"])[1:-1]))
    agent = await site.person("agent")
    _, page = await agent.get(f"/tasks/{task['task_id']}")
    assert "Re: One report" in page
    assert "Re: Re: One report" in page
    assert "1 more wait with it" in (await agent.get("/"))[1]


async def rows(site: Site, sql: str) -> list[Any]:
    async with site.db.tenant(site.tenant.tenant_id) as session:
        return await session.fetch(sql, site.tenant.tenant_id)
