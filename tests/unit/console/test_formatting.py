"""Times, sizes, names and links as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from console import formatting
from console.bodies import disposition


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0384, "38 ms"), (1.24, "1.2 s"), (59, "59 s"), (300, "5 min"), (7200, "2 h"), (4 * 86400, "4 days")],
)
def test_durations_have_one_unit(seconds: float, text: str) -> None:
    assert formatting.duration(timedelta(seconds=seconds)) == text


def test_moments_are_told_from_now() -> None:
    now = datetime.now(UTC)
    assert formatting.ago(now) == "just now"
    assert formatting.ago(now - timedelta(seconds=8)) == "8 s ago"
    assert formatting.ago(now - timedelta(minutes=5)) == "5 min ago"
    assert formatting.ago(now + timedelta(days=3, minutes=1)) == "in 3 days"


@pytest.mark.parametrize(
    ("count", "text"), [(None, "0 B"), (999, "999 B"), (1300, "1.3 KB"), (41_000, "41 KB"), (34_000_000, "34 MB")]
)
def test_sizes(count: int | None, text: str) -> None:
    assert formatting.size(count) == text


def test_links_show_where_they_go_and_nothing_else_becomes_markup() -> None:
    linked = formatting.linked("See https://example.com/a?b=1&c=2. <b>bold</b> javascript:alert(1)")
    assert linked == (
        'See <a href="https://example.com/a?b=1&amp;c=2" rel="noopener noreferrer nofollow" target="_blank">'
        "https://example.com/a?b=1&amp;c=2</a>. &lt;b&gt;bold&lt;/b&gt; javascript:alert(1)"
    )
    assert 'onclick="' not in formatting.linked('https://example.com/"onclick="x')


@pytest.mark.parametrize(
    ("name", "address", "letters"),
    [("Mara Lindqvist", "", "ML"), ("Ada King of Lovelace", "", "AL"), ("", "wren@example.com", "W"), ("", "", "?")],
)
def test_initials(name: str, address: str, letters: str) -> None:
    assert formatting.initials(name, address) == letters


@pytest.mark.parametrize(
    ("filename", "plain"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ('a"; filename="b.exe', "a__ filename=_b.exe"),
        ("line\r\nX-Header: 1", "lineX-Header: 1"),
        ("in\u202evoice.pdf", "invoice.pdf"),
        ("\x00", "attachment"),
        ("", "attachment"),
        ("x" * 300 + ".pdf", "x" * 180 + ".pdf"),
        ("é.txt", "_.txt"),
    ],
)
def test_a_file_name_cannot_act_or_deceive(filename: str, plain: str) -> None:
    header = disposition(filename)
    assert header.startswith(f'attachment; filename="{plain}"; ')
    assert header.isascii()
    assert header.isprintable()


def test_a_browser_is_called_by_its_name() -> None:
    chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
    assert formatting.browser(chrome) == "Chrome on Linux"
    assert formatting.browser(f"{chrome} Edg/156.0") == "Edge on Linux"
    safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1 Version/19.0 Safari/604.1"
    assert formatting.browser(safari) == "Safari on iPhone"
    assert formatting.browser("curl/8.0") == "curl/8.0"
    assert formatting.browser("") == "unknown"
