"""What Gmail and Microsoft 365 call one conversation threads an answer that names no other mail."""

from __future__ import annotations

from tests.integration.push.stand import Stand
from tests.letters import letter

ADDRESS = "help@example.org"
EXPECTED = {"question@example.com": "ticket", "answer@example.com": "comment"}


def _mails() -> tuple[bytes, bytes]:
    question = letter("alice@example.com", "Printer on fire", to=ADDRESS, message_id="question@example.com")
    answer = letter("alice@example.com", "Re: Printer on fire", to=ADDRESS, message_id="answer@example.com")
    return question.as_bytes(), answer.as_bytes()


async def _outcomes(stand: Stand) -> dict[str, str]:
    return {email["message_key"]: email["outcome"] for email in await stand.house.settled(2)}


async def test_gmails_thread_is_evidence(stand: Stand) -> None:
    mailbox_id = await stand.gmail(ADDRESS)
    await stand.status(mailbox_id, "connected: notified")
    question, answer = _mails()
    account = stand.google.account(ADDRESS)
    first = account.deliver(question)
    account.deliver(answer, thread=first)
    assert await _outcomes(stand) == EXPECTED


async def test_graphs_conversation_is_evidence(stand: Stand) -> None:
    mailbox_id = await stand.microsoft(ADDRESS)
    await stand.status(mailbox_id, "connected: notified")
    question, answer = _mails()
    mailbox = stand.graph.mailbox(ADDRESS)
    first = mailbox.deliver(question)
    mailbox.deliver(answer, conversation=first.conversation)
    assert await _outcomes(stand) == EXPECTED
