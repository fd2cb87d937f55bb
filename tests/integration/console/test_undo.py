"""An answer of the console is held for a moment and may be taken back: durably, by whoever gave it, and never late."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio

from console.delivery import Delivery
from console.services import Services
from domain.task import SOMEBODY, TaskResolution
from mail.pool import ParserPool
from storage import tasks
from storage.database import Database
from tests.integration.console.site import Person, Site, open_site
from tests.integration.console.test_task_answers import choose
from tests.letters import letter
from workers import admin

MINUTE = timedelta(minutes=1)


@pytest_asyncio.fixture
async def site(db: Database, parser: ParserPool, tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(db, parser, tmp_path / "objects", undo_for=MINUTE) as opened:
        for name in ("Bakery", "Books"):
            client_id = await admin.add_client(db, opened.tenant.tenant_id, name)
            await admin.add_contact(db, opened.tenant.tenant_id, "ines@example.org", "Ines", client_id)
        await opened.receive(letter("Ines <ines@example.org>", "One report is missing", "Which one?"))
        yield opened


async def stored(site: Site) -> Any:
    return await site.row("select * from tasks where tenant_id = $1 order by created_at limit 1")


async def answer(site: Site, person: Person, label: str, **form: str) -> str:
    task = await stored(site)
    status, page = await person.post(f"/tasks/{task['task_id']}", {"choice": choose(task, label), **form})
    assert status == 200
    return page


async def time_passes(site: Site) -> None:
    """As if the minute were over."""
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute("update tasks set held_until = clock_timestamp() where held_until is not null")


async def learned(site: Site) -> Any:
    return await site.row("select count(*) from sender_associations where tenant_id = $1")


async def test_an_answer_taken_back_has_never_happened(site: Site) -> None:
    agent = await site.person("agent")
    page = await answer(site, agent, "Bakery", remember="yes")
    assert "Undo" in page
    task = await stored(site)
    _, page = await agent.post("/tasks/undo", {"tasks": str(task["task_id"])})
    assert "Taken back" in page
    task = await stored(site)
    assert (task["state"], task["resolution"], task["resolved_by"], task["held_until"]) == ("open", None, None, None)
    await site.delivery.deliver_owed()
    assert site.temporal.delivered == []
    assert (await learned(site))["count"] == 0
    await answer(site, agent, "Books")
    assert (await stored(site))["resolution"]["choice"] == choose(task, "Books")


async def test_a_held_answer_is_delivered_by_another_console_when_this_one_has_died(site: Site) -> None:
    agent = await site.person("agent")
    await answer(site, agent, "Bakery", remember="yes")
    other = Delivery(Services(site.db, site.objects, site.temporal, site.keyring, {}, ""))  # type: ignore[arg-type]
    await other.deliver_owed()
    assert site.temporal.delivered == []
    assert (await learned(site))["count"] == 0
    await time_passes(site)
    await other.deliver_owed()
    ((_, resolution),) = site.temporal.delivered
    assert resolution.by == SOMEBODY
    assert (await learned(site))["count"] == 1
    assert (await stored(site))["delivered_at"] is not None


async def test_too_late_is_said(site: Site) -> None:
    agent = await site.person("agent")
    await answer(site, agent, "Bakery")
    await time_passes(site)
    await site.delivery.deliver_owed()
    _, page = await agent.post("/tasks/undo", {"tasks": str((await stored(site))["task_id"])})
    assert "too late" in page
    assert (await stored(site))["state"] == "resolved"


async def test_only_who_gave_it_takes_it_back(site: Site) -> None:
    first, second = await site.person("agent"), await site.person("admin")
    await answer(site, first, "Bakery")
    _, page = await second.post("/tasks/undo", {"tasks": str((await stored(site))["task_id"])})
    assert "too late" in page
    assert (await stored(site))["resolved_by"] == "agent@postroom.test"


async def test_while_it_is_held_it_has_won(site: Site) -> None:
    first, second = await site.person("agent"), await site.person("admin")
    await answer(site, first, "Bakery")
    task = await stored(site)
    status, page = await second.post(f"/tasks/{task['task_id']}", {"choice": choose(task, "Books")})
    assert status == 409
    assert "agent@postroom.test answered first: “Bakery”" in page


async def test_the_run_that_asks_itself_takes_the_held_answer_for_good(site: Site) -> None:
    """Its deadline has come meanwhile: it finds the answer, and then nobody takes that back."""
    agent = await site.person("agent")
    await answer(site, agent, "Bakery", remember="yes")
    task, tenant_id = await stored(site), site.tenant.tenant_id
    late = TaskResolution(choice="no_client", by="deadline")
    async with site.db.tenant(tenant_id) as session:
        settled = await tasks.settle(session, tenant_id, task["task_id"], late, delivered=True)
    assert settled.resolution.by == "agent@postroom.test"
    assert (await learned(site))["count"] == 1
    _, page = await agent.post("/tasks/undo", {"tasks": str(task["task_id"])})
    assert "too late" in page


async def test_the_api_answers_at_once_unless_it_asks_for_time(site: Site) -> None:
    http, task = await site.api("write"), await stored(site)
    body = {"choice": "no_client", "hold_seconds": 30}
    async with http.post(f"tasks/{task['task_id']}/resolution", json=body) as response:
        assert response.status == 200
    assert site.temporal.delivered == []
    async with http.post(f"tasks/{task['task_id']}/undo") as response:
        assert (await response.json())["state"] == "open"
    async with http.post(f"tasks/{task['task_id']}/resolution", json={"choice": "no_client"}) as response:
        assert response.status == 200
    assert len(site.temporal.delivered) == 1
    async with http.post(f"tasks/{task['task_id']}/undo") as response:
        assert response.status == 409


async def test_many_are_answered_at_once_and_taken_back_at_once(site: Site) -> None:
    await site.receive(letter("Ines <ines@example.org>", "Another one", "And this?"))
    agent = await site.person("agent")
    async with site.db.tenant(site.tenant.tenant_id) as session:
        ids = [str(row["task_id"]) for row in await session.fetch("select task_id from tasks")]
    headers = {"Sec-Fetch-Site": "same-origin"}
    form = [*(("task", task_id) for task_id in ids), ("choice", "discard"), ("csrf", await agent.csrf())]
    async with agent.http.post("/tasks/bulk", data=form, headers=headers) as response:
        assert "2 answered “Discard the message”" in await response.text()
    _, page = await agent.post("/tasks/undo", {"tasks": ",".join(ids)})
    assert "Taken back" in page
    assert (await site.row("select count(*) from tasks where tenant_id = $1 and state = 'open'"))["count"] == 2
