"""One mail of every sort that `find_thread` meets, as answers to a `History`."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from uuid import uuid4

from domain import reply_token
from domain.email import Address, Bounce, ParsedEmail
from tests.bulk import PER_TICKET, History

Sort = Callable[[History, Random, dict[str, bytes]], ParsedEmail]


def _mail(sender: str, subject: str = "Hello", text: str = "A few words.\n" * 20, **fields: object) -> ParsedEmail:
    return ParsedEmail.model_validate(
        {
            "message_id": f"{uuid4().hex}@example.net",
            "from_": [Address(address=sender)],
            "to": [Address(address="support@long.test")],
            "subject": subject,
            "text": text,
            **fields,
        }
    )


def new_of_stranger(history: History, random: Random, keys: dict[str, bytes]) -> ParsedEmail:
    return _mail(f"{uuid4().hex}@nowhere.example")


def new_of_contact(history: History, random: Random, keys: dict[str, bytes]) -> ParsedEmail:
    return _mail(history.person(random.randrange(history.tickets)))


def reply(history: History, random: Random, keys: dict[str, bytes]) -> ParsedEmail:
    number = random.randrange(history.messages)
    return _mail(history.person(number // PER_TICKET), in_reply_to=[history.message_id(number)])


def long_references(history: History, random: Random, keys: dict[str, bytes]) -> ParsedEmail:
    ticket = random.randrange(history.tickets)
    known = [history.message_id(ticket * PER_TICKET + n) for n in range(PER_TICKET)]
    unknown = [f"{uuid4().hex}@example.org" for _ in range(40)]
    return _mail(history.person(ticket), references=[*known, *unknown])


def by_token(history: History, random: Random, keys: dict[str, bytes]) -> ParsedEmail:
    token = reply_token.mint(keys, history.tenant_id, random.randrange(history.tickets) + 1)
    return _mail("somebody@nowhere.example", to=[Address(address=f"support+{token}@long.test")])


def by_subject_number(history: History, random: Random, keys: dict[str, bytes]) -> ParsedEmail:
    ticket = random.randrange(history.tickets)
    return _mail(history.person(ticket), f"Re: [#{ticket + 1}] Hello")


def same_subject(history: History, random: Random, keys: dict[str, bytes]) -> ParsedEmail:
    ticket = random.randrange(history.tickets)
    return _mail(history.person(ticket), f"Re: Subject {ticket}")


def bounce(history: History, random: Random, keys: dict[str, bytes]) -> ParsedEmail:
    ticket = random.randrange(history.tickets)
    report = Bounce(
        recipient="p@c.example", status="5.1.1", action="failed", original_message_id=f"o{ticket}@long.test"
    )
    return _mail("mailer-daemon@mx.example", kind="bounce", bounce=report)


def notification(history: History, random: Random, keys: dict[str, bytes]) -> ParsedEmail:
    return _mail("robot@nowhere.example", kind="notification")


SORTS: tuple[Sort, ...] = (
    new_of_stranger,
    new_of_contact,
    reply,
    long_references,
    by_token,
    by_subject_number,
    same_subject,
    bounce,
    notification,
)
