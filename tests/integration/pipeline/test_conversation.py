"""Mail in, one outcome out: new mails, replies, repetitions, through the real house."""

from __future__ import annotations

from email.message import EmailMessage

from storage.objects import part_key, raw_key
from tests.house import House
from tests.letters import letter


async def test_a_new_mail_becomes_a_ticket(house: House) -> None:
    await house.send(letter("Alice <alice@example.com>", "Printer on fire", "It burns.", message_id="one@example.com"))
    (email,) = await house.settled(1)
    (ticket,) = await house.tickets()
    assert (email["outcome"], email["ticket_id"]) == ("ticket", ticket["ticket_id"])
    assert (ticket["subject"], ticket["number"], ticket["queue"]) == ("Printer on fire", 1, "Support")
    (comment,) = await house.rows("select * from comments where tenant_id = $1")
    assert (comment["author_name"], comment["author_address"]) == ("Alice", "alice@example.com")
    assert comment["text"].strip() == "It burns."


async def test_a_reply_with_an_attachment_becomes_a_comment_with_its_bytes(house: House) -> None:
    await house.send(letter("alice@example.com", "Invoice?", message_id="q@example.com"))
    await house.settled(1)
    report = bytes(range(256)) * 40
    await house.send(
        letter(
            "alice@example.com", "Re: Invoice?", "Here.", in_reply_to="q@example.com", attachments=[("a.bin", report)]
        )
    )
    _, reply = await house.settled(2)
    (ticket,) = await house.tickets()
    assert (reply["outcome"], reply["ticket_id"]) == ("comment", ticket["ticket_id"])
    (attachment,) = await house.rows("select * from attachments where tenant_id = $1")
    assert (attachment["filename"], attachment["state"], attachment["comment_id"]) == (
        "a.bin",
        "stored",
        reply["comment_id"],
    )
    assert await house.objects.get(part_key(house.tenant_id, attachment["sha256"])) == report


async def test_the_same_bytes_twice_are_one_sighting(house: House) -> None:
    mail = letter("alice@example.com", "Once")
    await house.send(mail, mail)
    assert len(await house.settled(1)) == 1
    assert len(await house.tickets()) == 1


async def test_the_same_message_on_two_ways_is_one_ticket_and_a_duplicate(house: House) -> None:
    mail = letter("alice@example.com", "Twice").as_bytes()
    await house.send(b"Received: from a.example\r\n" + mail, b"Received: from b.example\r\n" + mail)
    emails = await house.settled(2)
    assert sorted(e["outcome"] for e in emails) == ["duplicate", "ticket"]
    assert len({e["ticket_id"] for e in emails}) == len(await house.tickets()) == 1


async def test_the_same_message_id_with_other_content_is_processed_and_flagged(house: House) -> None:
    first = letter("alice@example.com", "First", "The first text.", message_id="reused@example.com")
    second = letter("bob@example.com", "Second", "Quite another one.", message_id="reused@example.com")
    await house.send(first)
    await house.settled(1)
    await house.send(second)
    emails = await house.settled(2)
    assert [(e["outcome"], list(e["flags"])) for e in emails] == [("ticket", []), ("ticket", ["same_message_id"])]
    assert [t["subject"] for t in await house.tickets()] == ["First", "Second"]


async def test_mails_without_a_message_id_are_all_kept(house: House) -> None:
    mails = []
    for number in range(3):
        mail = EmailMessage()
        mail["From"], mail["Subject"] = "alice@example.com", f"No id {number}"
        mail.set_content("text")
        mails.append(mail)
    await house.send(*mails)
    await house.settled(3)
    assert {t["subject"] for t in await house.tickets()} == {"No id 0", "No id 1", "No id 2"}


async def test_a_stranger_with_forged_references_changes_nothing_on_the_ticket(house: House) -> None:
    await house.send(letter("alice@example.com", "Private", message_id="secret@example.com"))
    await house.settled(1)
    await house.send(
        letter("mallory@example.net", "Re: Private", in_reply_to="secret@example.com", cc="eve@example.net")
    )
    task = await house.task()
    assert task["kind"] == "review_sender"
    assert len(await house.rows("select from comments where tenant_id = $1")) == 1
    participants = await house.rows("select address from ticket_participants where tenant_id = $1")
    assert [p["address"] for p in participants] == ["alice@example.com"]


async def test_a_colleague_of_the_same_organisation_may_write_on_the_ticket(house: House) -> None:
    await house.send(letter("alice@example.com", "Order", message_id="order@example.com"))
    await house.settled(1)
    await house.send(letter("bob@example.com", "Re: Order", references=["order@example.com"]))
    _, reply = await house.settled(2)
    assert reply["outcome"] == "comment"


async def test_an_own_reply_token_threads_without_any_header(house: House) -> None:
    from domain import reply_token

    await house.send(letter("alice@example.com", "Tokens"))
    await house.settled(1)
    (ticket,) = await house.tickets()
    token = reply_token.mint(house.keyring.derive("reply-token"), house.tenant_id, ticket["number"])
    await house.send(letter("alice@elsewhere.example", "New subject", to=f"support+{token}@postroom.test"))
    _, reply = await house.settled(2)
    assert (reply["outcome"], reply["ticket_id"]) == ("comment", ticket["ticket_id"])


async def test_the_raw_message_is_kept_as_it_came(house: House) -> None:
    raw = b"From: alice@example.com\r\nSubject: Raw\r\n\r\n.leading dot\r\n8-bit: \xe4\r\n"
    await house.send(raw)
    (email,) = await house.settled(1)
    assert await house.objects.get(raw_key(house.tenant_id, email["raw_sha256"])) == raw


async def test_an_auto_reply_that_belongs_nowhere_is_a_recorded_exclusion(house: House) -> None:
    mail = letter("alice@example.com", "Out of office", "I am away.")
    mail["Auto-Submitted"] = "auto-replied"
    await house.send(mail)
    (email,) = await house.settled(1)
    assert (email["outcome"], email["reason"]) == ("excluded", "auto_reply")
    assert await house.tickets() == []
