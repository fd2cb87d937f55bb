"""Quarantine: mail that a rule, a storm or a failure stopped, looked at safely, answered one by one or all at once."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from domain.rules import RuleSet
from storage import rules
from tests.integration.console.site import Site
from tests.letters import letter

HOLD = {
    "rules": [
        {
            "id": "invoices",
            "name": "Invoices wait",
            "when": {"field": "subject", "is": "contains", "value": "invoice"},
            "then": {"quarantine": True},
        }
    ]
}


async def held(site: Site, count: int) -> list[Any]:
    """That many mails in quarantine, by a rule."""
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await rules.save(session, site.tenant.tenant_id, RuleSet.model_validate(HOLD), based_on=0, actor="ann")
    for number in range(count):
        mail = letter("alice@example.com", f"Your invoice {number}", "Pay now")
        mail.add_alternative("<p>Pay <img src='https://tracker.example/x.gif'> now</p>", subtype="html")
        await site.receive(mail)
    async with site.db.tenant(site.tenant.tenant_id) as session:
        return await session.fetch("select task_id, kind from tasks order by created_at")


async def answers(site: Site) -> list[str]:
    async with site.db.tenant(site.tenant.tenant_id) as session:
        rows = await session.fetch("select resolution ->> 'choice' as choice from tasks order by created_at")
    return [row["choice"] for row in rows]


async def test_held_mail_is_listed_by_its_reason_with_a_safe_preview(site: Site) -> None:
    assert {task["kind"] for task in await held(site, 2)} == {"release_message"}
    _, page = await (await site.person("viewer")).get("/quarantine")
    assert 'Held by a rule <span class="count">2</span>' in page
    assert "Your invoice 0" in page
    assert "The rule “Invoices wait” puts this mail into quarantine." in page
    assert '<iframe class="mail" sandbox' in page
    assert "tracker.example" not in page
    assert 'name="verb"' not in page, "a viewer answers nothing"


async def test_chosen_mail_is_released_and_the_rest_stays(site: Site) -> None:
    first, _ = await held(site, 2)
    person = await site.person("agent")
    form = {"group": "rule", "verb": "release", "task": str(first["task_id"])}
    _, page = await person.post("/quarantine", form)
    assert "1 answered." in page
    assert await answers(site) == ["release:rule", None]


async def test_all_of_a_reason_is_discarded_with_one_click_and_counted(site: Site) -> None:
    await held(site, 5)
    person = await site.person("agent")
    _, page = await person.get("/quarantine?group=rule")
    assert "All 5 of this reason" in page
    _, page = await person.post("/quarantine", {"group": "rule", "verb": "discard", "all": "yes"})
    assert "5 answered." in page
    assert "Nothing is stopped here" in page
    assert await answers(site) == ["discard"] * 5


@pytest.mark.parametrize(
    "form", [{}, {"verb": "release"}, {"verb": "retry", "all": "yes"}, {"verb": "x", "all": "yes"}]
)
async def test_what_fits_no_question_answers_none(site: Site, form: dict[str, str]) -> None:
    await held(site, 1)
    await (await site.person("agent")).post("/quarantine", {"group": "rule", **form})
    assert await answers(site) == [None]


async def test_mail_that_cannot_be_processed_is_tried_again(site: Site) -> None:
    await held(site, 1)
    async with site.db.tenant(site.tenant.tenant_id) as session:
        options = [{"id": "retry", "label": "Retry"}, {"id": "discard", "label": "Discard the message"}]
        await session.execute(
            "update tasks set kind = 'repair_message', options = $1, default_option = 'retry'", options
        )
    person = await site.person("agent")
    _, page = await person.get("/quarantine")
    assert 'Not processable <span class="count">1</span>' in page
    assert "Tried again without an answer" in page
    await person.post("/quarantine", {"group": "repair", "verb": "retry", "all": "yes"})
    assert await answers(site) == ["retry"]


async def listed(http: aiohttp.ClientSession, group: str) -> list[Any]:
    """What the API lists, page by page."""
    found: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        async with http.get(f"quarantine/{group}", params={"limit": 2, **({"cursor": cursor} if cursor else {})}) as r:
            page = await r.json()
        found, cursor = found + page["items"], page["next"]
    return found


async def test_infected_and_discarded_mail_is_listed(site: Site) -> None:
    mail = letter("alice@example.com", "With a virus", attachments=[("a.bin", b"12345")])
    await site.receive(mail)
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute("update attachments set state = 'infected'")
    person = await site.person("viewer")
    _, page = await person.get("/quarantine?group=infected")
    assert "With a virus" in page
    http = await site.api("read")
    assert [e["subject"] for e in await listed(http, "infected")] == ["With a virus"]
    assert await listed(http, "discarded") == []
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute("update emails set outcome = 'discarded', reason = 'repair_message'")
    _, page = await person.get("/quarantine?group=discarded")
    assert "With a virus" in page
    assert [e["outcome"] for e in await listed(http, "discarded")] == ["discarded"]


@pytest.mark.parametrize("group", ["infected", "discarded"])
async def test_the_api_lists_stopped_mail_page_by_page(site: Site, group: str) -> None:
    mails = [letter("alice@example.com", f"Mail {n}", attachments=[("a.bin", b"12345")]) for n in range(5)]
    ids = [str((await site.receive(mail))["email_id"]) for mail in mails]
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute("update attachments set state = 'infected'")
        await session.execute("update emails set outcome = 'discarded', reason = 'repair_message'")
    assert [email["id"] for email in await listed(await site.api("read"), group)] == ids[::-1]
