"""Order never decides: mails of a conversation make one ticket, whatever comes first."""

from __future__ import annotations

import asyncio
import random
from email.message import EmailMessage
from itertools import permutations

import pytest

from tests.house import House
from tests.letters import letter


def _chain() -> dict[str, EmailMessage]:
    """A question, its answer, and the answer to that: In-Reply-To only, the hardest case."""
    return {
        "a": letter("alice@example.com", "Chain", cc="bob@example.org", message_id="a@example.com"),
        "b": letter(
            "bob@example.org", "Re: Chain", cc="alice@example.com", message_id="b@x", in_reply_to="a@example.com"
        ),
        "c": letter("alice@example.com", "Re: Chain", cc="bob@example.org", message_id="c@x", in_reply_to="b@x"),
    }


@pytest.mark.parametrize("order", ["".join(p) for p in permutations("abc")])
async def test_three_mails_one_after_the_other_in_any_order_make_one_ticket(house: House, order: str) -> None:
    chain = _chain()
    for count, name in enumerate(order, 1):
        await house.send(chain[name])
        await house.settled(count)
    (ticket,) = await house.tickets()
    assert {e["ticket_id"] for e in await house.emails()} == {ticket["ticket_id"]}
    comments = await house.rows("select ticket_id from comments where tenant_id = $1")
    assert [c["ticket_id"] for c in comments] == [ticket["ticket_id"]] * 3


async def test_a_merged_ticket_points_to_the_one_that_has_everything(house: House) -> None:
    chain = _chain()
    for count, name in enumerate("cab", 1):  # c and a make tickets of their own, b shows that they are one
        await house.send(chain[name])
        await house.settled(count)
    (ticket,) = await house.tickets()
    (merged,) = await house.rows("select * from tickets where tenant_id = $1 and status = 'merged'")
    assert merged["merged_into"] == ticket["ticket_id"]
    (audit,) = await house.rows("select * from audit where tenant_id = $1 and action = 'merge'")
    assert audit["actor"] == "postroom"


async def test_a_reply_waits_for_a_parent_that_waits_for_a_person_and_follows_its_answer(house: House) -> None:
    from workers import admin

    for client in ("North", "South"):
        client_id = await admin.add_client(house.db, house.tenant_id, client)
        await admin.add_contact(house.db, house.tenant_id, "pat@example.com", "Pat", client_id)
    await house.send(letter("pat@example.com", "Which one?", message_id="parent@example.com"))
    task = await house.task()
    await house.send(letter("pat@example.com", "Re: Which one?", in_reply_to="parent@example.com"))

    async def waits() -> bool:
        return any(e["waits_for"] == task["email_id"] for e in await house.emails())

    await house.until(waits, "reply that waits for its parent")
    assert len(await house.open_tasks()) == 1
    from domain.task import TaskResolution

    await house.runs.resolve_task(task["workflow_id"], TaskResolution(choice="no_client", by="test"))
    emails = await house.settled(2)
    assert [e["outcome"] for e in emails] == ["ticket", "comment"]
    assert len(await house.tickets()) == 1


async def test_mails_that_refer_to_each_other_do_not_wait_for_ever(house: House) -> None:
    one = letter("alice@example.com", "Egg", message_id="egg@example.com", in_reply_to="hen@example.com")
    two = letter("alice@example.com", "Hen", message_id="hen@example.com", in_reply_to="egg@example.com")
    await asyncio.gather(house.send(one), house.send(two))
    await house.settled(2)
    assert len(await house.tickets()) == 1


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_burst_of_mails_in_random_order_makes_as_many_tickets_as_conversations(
    house: House, seed: int, burst: int
) -> None:
    chance = random.Random(seed)
    mails, conversation_of = _conversations(chance, burst)
    batches = [mails[n::20] for n in range(20)]
    await asyncio.gather(*(house.send(*batch) for batch in batches))
    emails = await house.settled(burst, timeout=300)
    tickets: dict[int, set[object]] = {}
    for email in emails:
        tickets.setdefault(conversation_of[email["message_key"]], set()).add(email["ticket_id"])
    assert all(len(of_one) == 1 for of_one in tickets.values())
    assert len(await house.tickets()) == len(tickets)
    assert {e["outcome"] for e in emails} <= {"ticket", "comment"}


@pytest.fixture
def burst(request: pytest.FixtureRequest) -> int:
    """How many mails; `make chaos` throws a thousand."""
    return int(request.config.getoption("--burst"))


def _conversations(chance: random.Random, total: int) -> tuple[list[EmailMessage], dict[str, int]]:
    """`total` mails, 30 % of them replies to an earlier one; half of the replies say only In-Reply-To."""
    threads: list[list[tuple[str, list[str]]]] = []
    mails, conversation_of = [], {}
    for number in range(total):
        message_id = f"m{number}@burst.example"
        if threads and chance.random() < 0.3:
            conversation = chance.randrange(len(threads))
            parent, references = chance.choice(threads[conversation])
            chain = [*references, parent]
            full = chance.random() < 0.5
            mail = letter(
                f"customer{conversation}@example.com", "Re: Burst", f"Reply {number}", message_id=message_id,
                in_reply_to=parent, references=chain if full else (),
            )  # fmt: skip
        else:
            conversation, chain = len(threads), []
            threads.append([])
            mail = letter(f"customer{conversation}@example.com", "Burst", f"Mail {number}", message_id=message_id)
        threads[conversation].append((message_id, chain))
        conversation_of[message_id] = conversation
        mails.append(mail)
    chance.shuffle(mails)
    return mails, conversation_of
