"""A rule survives its form: what is shown and saved again means the same."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from console import rule_form, rule_words
from console.rule_form import Draft, Group, Invalid, Row
from domain.rules import Rule

CLIENT = uuid4()


def rule(when: Any, then: Any = None) -> Rule:
    return Rule.model_validate({"id": "r", "name": "A rule", "when": when, "then": then or {"skip": True}})


def sent(draft: Draft, do: str = "save") -> dict[str, str]:
    """The fields that a browser sends for this form."""
    fields = {"name": draft.name, "match": draft.match, "course": draft.course, "text": draft.text, "do": do}
    for name in ("destination", "client", "client_from", "client_pattern", "priority", "assignee", "tags"):
        fields[name] = getattr(draft, name)
    if draft.enabled:
        fields["enabled"] = "yes"
    for g, group in enumerate(draft.groups):
        fields[f"g{g}.mode"] = group.mode
        for r, row in enumerate(group.rows):
            for name in ("field", "op", "value", "name"):
                fields[f"g{g}.r{r}.{name}"] = getattr(row, name)
            if row.negated:
                fields[f"g{g}.r{r}.negated"] = "yes"
    return fields


FIRE = {"field": "subject", "is": "contains", "value": "fire"}
LIST = {"field": "kind", "is": "equals", "value": "list"}
HEADER = {"field": "header", "name": "X-Spam-Flag", "is": "equals", "value": "yes"}
LARGE = {"field": "attachment_size", "is": "at_least", "value": 1000}
SEVERAL = {"field": "from_domain", "is": "in", "value": ["a.example", "b.example"]}


@pytest.mark.parametrize(
    "when",
    [
        FIRE,
        HEADER,
        LARGE,
        SEVERAL,
        {"field": "reply_to", "is": "exists"},
        {"not": FIRE},
        {"all": [FIRE, {"not": LIST}]},
        {"any": [FIRE, LIST, HEADER]},
        {"not": {"any": [FIRE, LIST]}},
        {"all": [FIRE, {"any": [LIST, HEADER]}]},
        {"any": [{"all": [FIRE, LARGE]}, {"not": {"any": [LIST, HEADER]}}]},
    ],
)
def test_what_people_write_is_shown_in_groups_and_saved_as_it_was(when: Any) -> None:
    before = rule(when)
    draft = rule_form.of_rule(before, "")
    assert not draft.text
    assert rule_form.to_rule(rule_form.of_form(sent(draft)), "r", None) == before


@pytest.mark.parametrize(
    "when",
    [
        {"not": {"all": [FIRE, LIST]}},
        {"all": [{"any": [{"all": [FIRE, LIST]}, HEADER]}, LARGE]},
        {"not": {"not": FIRE}},
        {"field": "subject", "is": "contains", "value": " fire "},
    ],
)
def test_what_a_form_cannot_show_is_json_and_saved_as_it_was(when: Any) -> None:
    before = rule(when)
    draft = rule_form.of_rule(before, "")
    assert draft.text
    assert rule_form.to_rule(rule_form.of_form(sent(draft)), "r", None) == before


def test_every_action_survives() -> None:
    then = {
        "destination": str(uuid4()),
        "client": str(CLIENT),
        "client_from": {"field": "body", "pattern": "Customer: (.+)"},
        "priority": "high",
        "assignee": str(uuid4()),
        "tags": ["web", "shop"],
    }
    for course in ("skip", "quarantine", "ask"):
        before = rule(FIRE, {**then, course: True})
        draft = rule_form.of_rule(before, "North")
        assert draft.client == "North"
        assert rule_form.to_rule(rule_form.of_form(sent(draft)), "r", CLIENT) == before


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (Row("subject", "matches", "(unclosed"), "Subject: not a regular expression"),
        (Row("header", "equals", "yes"), "Header: a header condition has a name"),
        (Row("attachment_size", "at_least", "many"), "size in bytes: Input should be a valid integer"),
        (Row("nothing", "equals", "x"), "nothing: "),
        (Row("subject", "at_least", "x"), "Subject: "),
        (Row(), "at least one condition"),
    ],
)
def test_what_does_not_hold_is_said_in_words(row: Row, says: str) -> None:
    with pytest.raises(Invalid) as invalid:
        rule_form.to_rule(Draft(name="A", groups=[Group(rows=[row])]), "r", None)
    assert says in str(invalid.value)


def test_a_rule_has_a_name_and_json_is_json() -> None:
    with pytest.raises(Invalid, match="at least 1 character"):
        rule_form.to_rule(Draft(groups=[Group(rows=[Row(value="x")])]), "r", None)
    with pytest.raises(Invalid, match="no JSON"):
        rule_form.to_rule(Draft(name="A", text="{"), "r", None)


def test_buttons_of_the_form_add_and_take_away() -> None:
    draft = Draft()
    rule_form.change(draft, "row 0")
    rule_form.change(draft, "group")
    assert [len(group.rows) for group in draft.groups] == [2, 1]
    rule_form.change(draft, "drop 0 1")
    rule_form.change(draft, "drop 0 0")
    assert [len(group.rows) for group in draft.groups] == [1]
    for nonsense in ("", "row 9", "row x", "drop 0 9", "drop", "other"):
        rule_form.change(draft, nonsense)
    assert [len(group.rows) for group in draft.groups] == [1]


def test_a_form_that_nobody_made_is_a_draft_all_the_same() -> None:
    draft = rule_form.of_form({"match": "??", "course": "??", "g0.mode": "??", "g0.r0.field": "x" * 100})
    assert (draft.match, draft.course, draft.groups[0].mode) == ("all", "go_on", "all")
    with pytest.raises(Invalid):
        rule_form.to_rule(draft, "r", None)


def test_a_rule_reads_as_a_sentence() -> None:
    when = rule({"all": [FIRE, {"not": {"any": [LIST, SEVERAL]}}]}).when
    assert rule_words.conditions(when) == (
        "Subject contains “fire” and not (Kind of mail is “list” "
        "or Sender's domain is one of “a.example” or “b.example”)"
    )
    many = rule({"field": "from", "is": "in", "value": [f"{n}@a.example" for n in range(9)]}).when
    assert rule_words.conditions(many).endswith("“2@a.example” or 6 more")
    told = rule_words.actions(rule(FIRE, {"client": str(CLIENT), "destination": str(uuid4()), "tags": ["x"]}).then,
                              {CLIENT: "North"})  # fmt: skip
    assert told == ["to something that is gone", "client North", "tagged x"]
    assert rule_words.actions(rule(FIRE, {"priority": None}).then, dict[UUID, str]()) == ["becomes a ticket as usual"]
