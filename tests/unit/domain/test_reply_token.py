"""Our own reply tokens: whoever holds one got it from us, for this tenant and this ticket."""

from __future__ import annotations

import os
from datetime import date
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.reply_token import MAX_TICKET_NUMBER, Found, find, find_in_body, mint

KEYS = {"k1": os.urandom(32)}
TENANT = uuid4()
TODAY = date(2026, 3, 1)


@given(st.integers(min_value=1, max_value=MAX_TICKET_NUMBER))
def test_a_token_names_its_ticket(number: int) -> None:
    assert find(KEYS, TENANT, [mint(KEYS, TENANT, number)]) == Found(number)


@pytest.mark.parametrize("number", [0, -1, MAX_TICKET_NUMBER + 1])
def test_what_is_no_ticket_number_gets_no_token(number: int) -> None:
    with pytest.raises(ValueError, match="ticket number"):
        mint(KEYS, TENANT, number)


@pytest.mark.parametrize(
    "wrapped",
    ["support+{}@postroom.test", "<{}.1@postroom.test>", "Re: [{}] hello", "{}"],
    ids=["plus-address", "Message-ID", "subject", "bare"],
)
def test_a_token_is_found_where_we_put_it(wrapped: str) -> None:
    token = mint(KEYS, TENANT, 42)
    assert find(KEYS, TENANT, ["nothing here", wrapped.format(token)]) == Found(42)
    assert find(KEYS, TENANT, [wrapped.format(token.upper())]) == Found(42)


@pytest.mark.parametrize(
    "mangled",
    ["> {0}\n> {1}", "{0}\r\n{1}", "*{0}{1}*", "{0}=\n{1}", "\u200b{0}\u00ad{1}", "Ref:{0}{1}please keep"],
    ids=["quoted and wrapped", "wrapped", "marked up", "quoted-printable", "invisible characters", "words beside it"],
)
def test_a_token_in_a_body_survives_what_mail_programs_do(mangled: str) -> None:
    token = mint(KEYS, TENANT, 42)
    assert find_in_body(KEYS, TENANT, mangled.format(token[:20], token[20:])) == Found(42)


def test_it_fits_a_local_part() -> None:
    """RFC 5321 section 4.5.3.1.1: 64 octets, with the mailbox's own name before it."""
    bound = mint(KEYS, TENANT, MAX_TICKET_NUMBER, recipient="alice@example.com", expires=TODAY)
    assert len(f"support+{bound}") <= 64


# Not ours ------------------------------------------------------------------------------------------------------


def test_another_tenants_token_is_passed_over() -> None:
    foreign, ours = mint(KEYS, uuid4(), 7), mint(KEYS, TENANT, 42)
    assert find(KEYS, TENANT, [foreign]) is None
    assert find(KEYS, TENANT, [foreign, ours]) == Found(42)


def test_a_token_of_another_key_is_passed_over() -> None:
    assert find(KEYS, TENANT, [mint({"k1": os.urandom(32)}, TENANT, 42)]) is None


@given(st.integers(min_value=2, max_value=41), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_no_letter_can_be_exchanged(position: int, letter: str) -> None:
    token = mint(KEYS, TENANT, 42)
    changed = token[:position] + letter + token[position + 1 :]
    assert find(KEYS, TENANT, [changed]) == (Found(42) if changed == token else None)


@given(st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"), min_size=40, max_size=48))
def test_a_guess_is_no_token(guess: str) -> None:
    assert find(KEYS, TENANT, [f"pr{guess}"]) is None
    assert find_in_body(KEYS, TENANT, f"pr{guess}") is None


@given(st.text())
def test_any_text_is_looked_through_without_an_error(text: str) -> None:
    assert find(KEYS, TENANT, [text]) is None
    assert find_in_body(KEYS, TENANT, text) is None


# Keys, days, people --------------------------------------------------------------------------------------------


def test_a_token_of_an_older_key_holds_while_the_ring_has_it() -> None:
    old, new = {"k1": os.urandom(32)}, {"k2": os.urandom(32)}
    token = mint(old, TENANT, 42)
    assert find(new | old, TENANT, [token]) == Found(42)
    assert find(new, TENANT, [token]) is None


@pytest.mark.parametrize(
    ("today", "expired"), [(date(2026, 2, 28), False), (TODAY, False), (date(2026, 3, 2), True), (None, False)]
)
def test_a_token_holds_through_its_last_day(today: date | None, expired: bool) -> None:
    assert find(KEYS, TENANT, [mint(KEYS, TENANT, 42, expires=TODAY)], today=today) == Found(42, expired=expired)


def test_a_bound_token_knows_whether_its_recipient_sends_it() -> None:
    token = mint(KEYS, TENANT, 42, recipient="Alice@Example.com")
    mine = find(KEYS, TENANT, [token], sender="alice@example.com")
    assert mine == Found(42, bound=True, issued_to_sender=True)
    for sender in ("mallory@example.com", ""):
        assert find(KEYS, TENANT, [token], sender=sender) == Found(42, bound=True)


def test_of_several_tokens_the_one_that_entitles_most_counts() -> None:
    expired = mint(KEYS, TENANT, 1, expires=date(2026, 1, 1))
    somebody_elses = mint(KEYS, TENANT, 2, recipient="bob@example.com")
    own = mint(KEYS, TENANT, 3, recipient="alice@example.com")
    found = find(KEYS, TENANT, [expired, somebody_elses, own], sender="alice@example.com", today=TODAY)
    assert found is not None
    assert found.ticket_number == 3
