"""Times as senders write them, in the offset they wrote; nothing is guessed where day and month could be either."""

from __future__ import annotations

import pytest

from mail.dates import parse_date


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Tue, 17 Nov 2026 14:03:11 +0100 (CET)", "2026-11-17T14:03:11+01:00"),
        ("Tue, 17 Nov 2026 14.03.11 +0100", "2026-11-17T14:03:11+01:00"),
        ("Tue Nov 17 14:03:11 2026", "2026-11-17T14:03:11+00:00"),
        ("17 Nov 26 14:03 PST", "2026-11-17T14:03:00-08:00"),
        ("2026-11-17T14:03:11Z", "2026-11-17T14:03:11+00:00"),
        ("17.11.2026 14:03", "2026-11-17T14:03:00+00:00"),
        ("17/11/2026 14:03:05 +0200", "2026-11-17T14:03:05+02:00"),
        ("11/17/2026, 14:03", "2026-11-17T14:03:00+00:00"),
        ("05/06/2026 10:00", None),
        ("mar., 17 nov. 2026 14:03:11 +0100", "2026-11-17T14:03:11+01:00"),
        ("17 juil. 2026 10:00:00 +0200", "2026-07-17T10:00:00+02:00"),
        ("17 juin 2026 10:00:00 +0200", "2026-06-17T10:00:00+02:00"),
        ("Mi, 18. Dez. 2026 10:00", "2026-12-18T10:00:00+00:00"),
        ("вт, 17 ноя 2026 14:03:11 +0300", "2026-11-17T14:03:11+03:00"),
        ("Sal, 17 Kas 2026 14:03:11 +0300", "2026-11-17T14:03:11+03:00"),
        ("Tue, 31 Nov 2026 14:03:11 +0000", None),
        ("31.02.2026 10:00", None),
        ("1.2.3.4 10:00", None),
        ("yesterday", None),
    ],
)
def test_date(value: str, expected: str | None) -> None:
    found = parse_date(value)
    assert (found.isoformat() if found else None) == expected
