"""The delivery canary's subject: known again, and made by nobody else."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from domain.canary import mail, recognise

KEYS = {"k2": b"2" * 32, "k1": b"1" * 32}
TENANT, MAILBOX, CANARY = uuid4(), uuid4(), uuid4()


def subject(keys: dict[str, bytes] = KEYS) -> str:
    return str(mail(keys, TENANT, MAILBOX, CANARY, "help@example.org", datetime.now(UTC))["Subject"])


def test_a_canary_is_known_again_also_after_the_keys_have_rotated() -> None:
    assert recognise(KEYS, TENANT, MAILBOX, subject()) == CANARY
    assert recognise(KEYS, TENANT, MAILBOX, subject({"k1": KEYS["k1"]})) == CANARY


def test_it_says_that_nobody_should_answer() -> None:
    message = mail(KEYS, TENANT, MAILBOX, CANARY, "help@example.org", datetime.now(UTC))
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["From"] == message["To"] == "help@example.org"


def changed(text: str) -> str:
    """With another letter in the middle of its token: the last letter of base32 has bits that mean nothing."""
    return text[:-10] + ("a" if text[-10] != "a" else "b") + text[-9:]


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "postroom delivery check",
        "postroom delivery check " + "a" * 52,
        f"Re: {subject()}",
        subject({"k3": b"3" * 32}),
        changed(subject()),
    ],
    # Subjects differ in each process, and parallel runs want the same names in all of them.
    ids=["nothing", "no token", "no token of ours", "an answer", "another key", "a changed letter"],
)
def test_nobody_else_makes_one(forged: str) -> None:
    assert recognise(KEYS, TENANT, MAILBOX, forged) is None


def test_that_of_another_mailbox_or_tenant_is_none() -> None:
    assert recognise(KEYS, TENANT, uuid4(), subject()) is None
    assert recognise(KEYS, uuid4(), MAILBOX, subject()) is None
