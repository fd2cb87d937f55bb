"""The catalogue of texts, the templates and the routes agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import console
from console.roles import may
from console.strings import STRINGS, text
from storage.access import ROLES

SOURCES = Path(console.__file__).parent
TEMPLATES = sorted((SOURCES / "templates").glob("*.html"))
# Keys that are put together from a stored word.
FAMILIES = (
    "kind.", "stage.", "status.", "priority.", "attachment.", "outcome.", "state.", "became.", "reason.", "flag.",
    "ticket.link.", "tickets.only.", "keys.", "mailbox.", "provider.", "step.", "error.", "task.remember.", "sign_in.",
    "events.kind.", "events.state.", "rule.", "rules.otherwise.", "replays.state.", "tester.action.", "circuit.",
    "ended.", "policies.", "senders.kind.", "contacts.bounced.", "watchers.state.",
    "password.fault.", "account.done.", "role.", "scope.", "users.fault.", "users.done.", "audit.action.",
    "job.", "setup.", "system.", "dashboard.", "quarantine.", "signature.", "locked.", "verdict.",
)  # fmt: skip


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_text_of_a_template_is_in_the_catalogue(template: Path) -> None:
    source = template.read_text("utf-8")
    for key in re.findall(r"""(?<![a-z])t\(["']([a-z_.]+)["'][,)]""", source):
        assert key in STRINGS, key
    # Comments, commands and what Jinja evaluates; then tags, the keys of tables, and attributes that a block adds.
    prose = re.sub(r"<code>.*?</code>|\{#.*?#\}|\{% set .*?%\}|\{[{%].*?[%}]\}", "", source, flags=re.DOTALL)
    prose = re.sub(r"""<[^>]*>|&\w+;|[a-z-]+="[^"]*"|data-live""", " ", prose)
    assert re.findall(r"[A-Za-z]{4,}", prose) == []


def test_no_text_is_left_over() -> None:
    sources = "".join(
        path.read_text("utf-8") for path in [*TEMPLATES, *SOURCES.rglob("*.py")] if path.name != "strings.py"
    )
    unused = [
        key for key in STRINGS if not (key.startswith(FAMILIES) or f'"{key}"' in sources or f"'{key}'" in sources)
    ]
    assert unused == []


def test_an_unknown_text_is_an_error() -> None:
    with pytest.raises(KeyError):
        text("no.such.text")


def test_each_role_may_what_those_before_it_may() -> None:
    for rank, role in enumerate(ROLES):
        assert [may(role, needed) for needed in ROLES] == [needed <= rank for needed in range(len(ROLES))]
