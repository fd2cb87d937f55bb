"""The secret of a raw mailbox is exchanged without a moment in which its senders are refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from domain.webhook_secret import OVERLAP, rotated, valid

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
MOMENT = timedelta(seconds=1)


def test_the_first_secret_is_the_only_one() -> None:
    assert valid(rotated({}, "one", NOW), NOW) == ["one"]


def test_the_former_secret_is_good_for_a_day_on() -> None:
    kept = rotated(rotated({}, "one", NOW), "two", NOW)
    assert valid(kept, NOW + OVERLAP - MOMENT) == ["two", "one"]
    assert valid(kept, NOW + OVERLAP) == ["two"]


def test_of_three_the_first_has_had_its_time() -> None:
    kept = rotated(rotated(rotated({}, "one", NOW), "two", NOW), "three", NOW)
    assert valid(kept, NOW) == ["three", "two"]


def test_what_else_is_kept_stays() -> None:
    assert rotated({"note": "kept"}, "one", NOW)["note"] == "kept"
