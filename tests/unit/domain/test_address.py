"""Addresses as identities."""

from __future__ import annotations

import pytest

from domain.address import canonical, domain_of, organisation_domain, without_tag


def test_addresses_are_compared_in_lower_case_without_space_around() -> None:
    assert canonical(" Alice.Smith@Example.COM\n") == "alice.smith@example.com"


@pytest.mark.parametrize(
    ("address", "domain"),
    [("alice@Example.com", "example.com"), ('"a@b"@example.org', "example.org"), ("nobody", "nobody"), ("", "")],
)
def test_the_domain_is_what_stands_after_the_last_at(address: str, domain: str) -> None:
    assert domain_of(address) == domain


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("alice@example.com", "example.com"),
        ("alice@GMAIL.com", None),
        ("alice@outlook.de", None),
        ("alice@mail.gmail.com.example.org", "mail.gmail.com.example.org"),
        ("", None),
    ],
)
def test_a_domain_that_anybody_can_have_stands_for_no_organisation(address: str, domain: str | None) -> None:
    assert organisation_domain(address) == domain


@pytest.mark.parametrize(
    ("address", "user", "tag"),
    [
        ("Support+TaG@Example.com", "support@example.com", "TaG"),
        ("support@example.com", "support@example.com", ""),
        ("support+@example.com", "support@example.com", ""),
        ("support+a+b@example.com", "support@example.com", "a+b"),
    ],
)
def test_a_plus_address_is_its_mailbox_and_its_tag(address: str, user: str, tag: str) -> None:
    assert without_tag(address) == (user, tag)
