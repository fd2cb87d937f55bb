"""Mailboxes as senders write them."""

from __future__ import annotations

import pytest

from mail.addresses import parse_addresses


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("ada@example.com", ""),
        ("'ada@example.com'", ""),
        ("ada@example.com>", ""),
        ("Ada <ada@example.com", "Ada"),
        ("Ada <mailto:ada@EXAMPLE.com>", "Ada"),
        ("<ada@example.com> Ada", "Ada"),
        ("Ada ada@example.com", "Ada"),
        ("ada@example.com (Ada)", "Ada"),
        ('"Example, Ada" <ada@example.com>', "Example, Ada"),
        ("=?utf-8?Q?Example,_Ada?= <ada@example.com>", "Example, Ada"),
        ('=?utf-8?Q?"Ada_<eve@evil.example>"?= <ada@example.com>', "Ada <eve@evil.example>"),
    ],
)
def test_mailbox(value: str, name: str) -> None:
    ((found,), _) = parse_addresses(value, 10)
    assert (found.name, found.address) == (name, "ada@example.com")
