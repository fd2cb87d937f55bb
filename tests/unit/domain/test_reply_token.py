"""Reply tokens: only we can make them, and they survive what mail systems do to addresses, ids and texts."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import reply_token
from domain.reply_token import Found

TENANT = uuid4()
KEYS = {"k2": bytes(range(32)), "k1": bytes(32)}
TODAY = date(2026, 6, 1)


@given(st.integers(1, reply_token.MAX_TICKET_NUMBER))
def test_a_token_names_its_ticket(number: int) -> None:
    token = reply_token.mint(KEYS, TENANT, number)
    assert reply_token.find(KEYS, TENANT, [f"support+{token}@example.com"]) == Found(number)


@pytest.mark.parametrize("recipient", [None, "bob@example.org"])
def test_a_tagged_address_fits_into_a_local_part(recipient: str | None) -> None:
    token = reply_token.mint(KEYS, TENANT, reply_token.MAX_TICKET_NUMBER, recipient=recipient, expires=TODAY)
    assert len(f"support+{token}") <= 64
    assert token.isalnum(), "no mail program breaks a line in it"


@given(st.integers(0, 49), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_no_other_letter_will_do(place: int, letter: str) -> None:
    token = reply_token.mint(KEYS, TENANT, 7, recipient="bob@example.org")
    forged = token[:place] + letter + token[place + 1 :]
    # The last letter carries two bits that encode nothing.
    if forged != token and place != len(token) - 1:
        assert reply_token.find(KEYS, TENANT, [forged]) is None


def test_a_token_of_another_tenant_is_none() -> None:
    token = reply_token.mint(KEYS, uuid4(), 7)
    assert reply_token.find(KEYS, TENANT, [token]) is None


def test_a_token_under_a_rotated_key_is_good_until_the_key_goes() -> None:
    old = reply_token.mint({"k1": KEYS["k1"]}, TENANT, 7)
    assert reply_token.find(KEYS, TENANT, [old]) == Found(7)
    assert reply_token.mint(KEYS, TENANT, 7) != old
    assert reply_token.find({"k2": KEYS["k2"]}, TENANT, [old]) is None


def test_case_does_not_matter() -> None:
    token = reply_token.mint(KEYS, TENANT, 7)
    assert reply_token.find(KEYS, TENANT, [f"<{token.upper()}.AB@EXAMPLE.COM>"]) == Found(7)


@pytest.mark.parametrize(("today", "expired"), [(TODAY, False), (date(2026, 6, 2), True), (None, False)])
def test_a_token_is_valid_through_its_last_day(today: date | None, expired: bool) -> None:
    token = reply_token.mint(KEYS, TENANT, 7, expires=TODAY)
    found = reply_token.find(KEYS, TENANT, [token], today=today)
    assert found is not None
    assert found.expired is expired


@pytest.mark.parametrize(("sender", "issued"), [("Bob@Example.org", True), ("eve@example.org", False), ("", False)])
def test_a_bound_token_knows_whom_it_was_issued_to(sender: str, issued: bool) -> None:
    token = reply_token.mint(KEYS, TENANT, 7, recipient="bob@example.org")
    assert reply_token.find(KEYS, TENANT, [token], sender=sender) == Found(7, bound=True, issued_to_sender=issued)


def test_of_several_tokens_the_best_counts() -> None:
    for_another = reply_token.mint(KEYS, TENANT, 1, recipient="eve@example.org")
    expired = reply_token.mint(KEYS, TENANT, 2, expires=date(2025, 1, 1))
    plain = reply_token.mint(KEYS, TENANT, 3)
    own = reply_token.mint(KEYS, TENANT, 4, recipient="bob@example.org")

    def best(*tokens: str) -> int:
        found = reply_token.find(KEYS, TENANT, tokens, sender="bob@example.org", today=TODAY)
        assert found is not None
        return found.ticket_number

    assert best(for_another, expired) == 1
    assert best(for_another, plain) == 3
    assert best(expired, plain, own) == 4


@pytest.mark.parametrize(
    "around",
    [
        "{token}",
        "[{token}]",
        "> > [{token}]\n> > Thanks",
        "この行を残してください：[{token}]。敬具",
        "word{token}word",
        "=E2=80=94 {token}",
    ],
)
def test_the_marker_survives_in_a_body(around: str) -> None:
    token = reply_token.mint(KEYS, TENANT, 7, recipient="bob@example.org")
    body = "An answer.\n\n" + around.replace("{token}", token)
    found = reply_token.find_in_body(KEYS, TENANT, body, sender="bob@example.org")
    assert found == Found(7, bound=True, issued_to_sender=True)


@given(st.integers(2, 48), st.sampled_from(["\n", "\r\n> ", " ", "=\n", "\u200b", "*"]))
def test_the_marker_survives_wrapping_anywhere(place: int, separator: str) -> None:
    token = reply_token.mint(KEYS, TENANT, 7)
    body = f"> before [{token[:place]}{separator}{token[place:]}] after"
    assert reply_token.find_in_body(KEYS, TENANT, body) == Found(7)


@pytest.mark.parametrize("number", [0, -1, reply_token.MAX_TICKET_NUMBER + 1])
def test_only_ticket_numbers_can_be_minted(number: int) -> None:
    with pytest.raises(ValueError, match="ticket number"):
        reply_token.mint(KEYS, TENANT, number)
