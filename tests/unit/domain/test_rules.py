"""Rules: what an admin may write, and what is refused. What they do is in tests/decisions/scenarios/rules."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from domain.email import Address, ParsedEmail
from domain.rules import BODY_WINDOW, MAX_CONDITIONS, CompiledRules, Mail, Rule, RuleSet, compile_pattern

SUBJECT = {"field": "subject", "is": "contains", "value": "fire"}


def rule(when: Any, then: Any = None, **fields: Any) -> dict[str, Any]:
    return {"id": "r", "name": "Rule", "when": when, "then": then or {"skip": True}, **fields}


def names(rule_set: Any, email: ParsedEmail) -> list[str]:
    return [match.rule_id for match in CompiledRules(RuleSet.model_validate(rule_set)).matches(Mail(email))]


@pytest.mark.parametrize(
    "when",
    [
        {},
        {"field": "subject"},
        {"field": "subject", "is": "equals"},
        {"field": "subject", "is": "matches", "value": "(unclosed"},
        {"field": "subject", "is": "matches", "value": "a{1000}{1000}"},
        {"field": "subject", "is": "matches", "value": "x" * 513},
        {"field": "subject", "is": "matches", "value": r"(\w+)\1"},
        {"field": "subject", "is": "contains", "value": "x" * 2001},
        {"field": "subject", "is": "exists", "name": "X-Header"},
        {"field": "header", "is": "exists"},
        {"field": "header", "is": "exists", "name": "X Header"},
        {"field": "attachment_size", "is": "contains", "value": "1"},
        {"field": "attachment_size", "is": "at_least", "value": -1},
        {"all": []},
        {"all": [SUBJECT], "any": [SUBJECT]},
        {"any": [SUBJECT] * (MAX_CONDITIONS + 1)},
        {"not": {"not": {"not": {"not": {"not": {"not": {"not": {"not": SUBJECT}}}}}}}},
    ],
)
def test_conditions_that_do_not_hold_are_refused(when: Any) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate(rule(when))


@pytest.mark.parametrize(
    "then",
    [{"unknown": 1}, {"priority": "asap"}, {"tags": [""]}, {"client_from": {"field": "body", "pattern": "no group"}}],
)
def test_actions_that_do_not_hold_are_refused(then: Any) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate(rule(SUBJECT, then))


def test_two_rules_with_one_id_are_refused() -> None:
    with pytest.raises(ValidationError, match="same id"):
        RuleSet.model_validate({"rules": [rule(SUBJECT), rule(SUBJECT)]})


def test_a_set_survives_being_stored() -> None:
    rule_set = RuleSet.model_validate(
        {"rules": [rule({"not": {"any": [SUBJECT, {"field": "header", "is": "exists", "name": "X-A"}]}})]}
    )
    stored = rule_set.model_dump(mode="json", exclude_defaults=True)
    assert RuleSet.model_validate(stored) == rule_set


def test_only_a_set_that_looks_at_headers_needs_them() -> None:
    header = {"field": "header", "is": "exists", "name": "X-A"}
    assert not CompiledRules(RuleSet.model_validate({"rules": [rule(SUBJECT)]})).needs_headers
    assert CompiledRules(RuleSet.model_validate({"rules": [rule({"all": [SUBJECT, {"not": header}]})]})).needs_headers


def test_rules_match_in_their_order_and_disabled_ones_never() -> None:
    rules = [rule(SUBJECT, id="b"), rule(SUBJECT, id="off", enabled=False), rule(SUBJECT, id="a")]
    assert names({"rules": rules}, ParsedEmail(subject="FIRE")) == ["b", "a"]


def test_a_field_with_several_values_holds_if_one_does() -> None:
    email = ParsedEmail(to=[Address(address="a@example.com"), Address(address="B@example.org")])
    assert names({"rules": [rule({"field": "to", "is": "ends_with", "value": "@EXAMPLE.org"})]}, email) == ["r"]
    assert names({"rules": [rule({"field": "to_domain", "is": "in", "value": ["example.net"]})]}, email) == []


def test_conditions_see_the_beginning_of_an_endless_body() -> None:
    body = {"field": "body", "is": "contains", "value": "needle"}
    assert names({"rules": [rule(body)]}, ParsedEmail(text="x" * BODY_WINDOW + "needle")) == []


def test_patterns_never_show_more_than_why_they_are_wrong() -> None:
    with pytest.raises(ValueError, match="RE2") as caught:
        compile_pattern("[")
    assert "missing" in str(caught.value)
