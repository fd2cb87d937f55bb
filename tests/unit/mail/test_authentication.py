"""Authentication-Results, as senders really write it."""

from __future__ import annotations

import pytest

from mail.authentication import read_results
from mail.headers import Headers

# (field, authserv-id, spf, its domain, dkim, its domain, dmarc, its domain)
FIELDS = [
    (
        "Gmail",
        "mx.google.com;\r\n dkim=pass header.i=@example.com header.s=s1 header.b=abc;\r\n"
        " arc=pass (i=1 spf=fail dmarc=fail);\r\n"
        " spf=pass (domain of a@example.com designates 192.0.2.1; permitted) smtp.mailfrom=a@example.com;\r\n"
        " dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=example.com",
        ("mx.google.com", "pass", "example.com", "pass", "example.com", "pass", "example.com"),
    ),
    (
        "Microsoft 365 gives no authserv-id",
        "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=example.com; dkim=pass (verified) header.d=example.com;"
        "dmarc=bestguesspass action=none header.from=example.com;compauth=pass reason=109",
        ("", "pass", "example.com", "pass", "example.com", "bestguesspass", "example.com"),
    ),
    ("with a version, nothing checked", "example.org 1; none", ("example.org", None, None, None, None, None, None)),
    (
        "of several signatures the one that passed",
        'example.org; dkim=fail reason="bad; dkim=pass" header.d=a.example; dkim=pass header.d=b.example;'
        " dkim=pass header.d=c.example",
        ("example.org", None, None, "pass", "b.example", None, None),
    ),
    (
        "a quoted local part",
        'example.org; spf=pass smtp.mailfrom="a; dmarc=pass"@Example.COM',
        ("example.org", "pass", "example.com", None, None, None, None),
    ),
    (
        "comments within comments",
        "example.org (a (b; dmarc=pass) c); spf=fail (no; dkim=pass) smtp.helo=mail.example.com",
        ("example.org", "fail", "mail.example.com", None, None, None, None),
    ),
    ("no spaces at all", "a.example;spf=none;dkim=none", ("a.example", "none", None, "none", None, None, None)),
    ("empty", "", ("", None, None, None, None, None, None)),
]


@pytest.mark.parametrize(("value", "expected"), [field[1:] for field in FIELDS], ids=[field[0] for field in FIELDS])
def test_a_field_in_the_wild(value: str, expected: tuple[str | None, ...]) -> None:
    (found,) = read_results(Headers(f"Authentication-Results: {value}\r\n".encode()))
    assert (
        found.authserv_id,
        found.spf,
        found.spf_domain,
        found.dkim,
        found.dkim_domain,
        found.dmarc,
        found.dmarc_domain,
    ) == expected


def test_hops_come_topmost_first_then_the_sealed_ones_newest_first() -> None:
    headers = Headers(
        b"ARC-Authentication-Results: i=1; first.example; spf=pass\n"
        b"Authentication-Results: top.example; spf=pass\n"
        b"ARC-Authentication-Results: i=2; second.example 1; spf=fail\n"
        b"Authentication-Results: below.example; spf=fail\n"
    )
    found = read_results(headers)
    assert [result.authserv_id for result in found] == [
        "top.example",
        "below.example",
        "second.example",
        "first.example",
    ]
    assert [result.arc_instance for result in found] == [None, None, 2, 1]


def test_a_mail_without_results_has_none() -> None:
    assert read_results(Headers(b"From: a@example.com\n")) == []


def test_what_was_written_is_kept_with_a_limit() -> None:
    (found,) = read_results(Headers(b"Authentication-Results: example.org; spf=pass " + b"x" * 50_000 + b"\n"))
    assert found.raw.startswith("example.org; spf=pass")
    assert len(found.raw) <= 2_000
