"""A rule as a form: conditions in groups, each group all, any or none of its rows. And back.

What people write fits into two levels. A rule made elsewhere that does not is shown, and saved, as JSON (`text`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args
from uuid import UUID

from pydantic import ValidationError

from console.strings import text as words
from domain.rule_actions import Priority, RuleActions
from domain.rules import AllOf, AnyOf, Node, Not, Rule, SizeCondition, TextCondition, TextField, TextOperator

FIELDS: Final[tuple[str, ...]] = (*get_args(TextField), "attachment_size")
OPERATORS: Final[tuple[str, ...]] = (*get_args(TextOperator), "at_least", "at_most")
PRIORITIES: Final[tuple[str, ...]] = get_args(Priority)
# Exclusive: what happens to the mail, apart from how its ticket is sorted.
Course = Literal["go_on", "skip", "quarantine", "ask"]
COURSES: Final[tuple[Course, ...]] = get_args(Course)
Mode = Literal["all", "any", "none"]

_MAX_GROUPS, _MAX_ROWS = 20, 50


class Invalid(Exception):
    """The form cannot be saved; `faults` say why, to a person."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = list(faults)


@dataclass
class Row:
    """One condition. `value` has one value a line; `name` is a header's."""

    field: str = "subject"
    op: str = "contains"
    value: str = ""
    name: str = ""
    negated: bool = False

    @property
    def is_blank(self) -> bool:
        return not self.value.strip() and not self.name.strip() and self.op != "exists"


@dataclass
class Group:
    mode: Mode = "all"
    rows: list[Row] = field(default_factory=lambda: [Row()])


@dataclass
class Draft:
    """A rule while it is written. `text` (JSON of the conditions) stands in for groups that cannot show them."""

    name: str = ""
    enabled: bool = True
    match: Literal["all", "any"] = "all"
    groups: list[Group] = field(default_factory=lambda: [Group()])
    text: str = ""
    course: Course = "go_on"
    destination: str = ""
    client: str = ""
    client_from: str = ""
    client_pattern: str = ""
    priority: str = ""
    assignee: str = ""
    tags: str = ""


def of_rule(rule: Rule, client_name: str) -> Draft:
    """The form of a rule; `client_name` is that of the client it assigns."""
    actions = rule.then
    course: Course = (
        "skip" if actions.skip else "quarantine" if actions.quarantine else "ask" if actions.ask else "go_on"
    )
    match, groups = _groups(rule.when) or ("all", [])
    shown = not groups
    return Draft(
        name=rule.name,
        enabled=rule.enabled,
        match=match,
        groups=groups,
        text=json.dumps(_dump(rule.when), indent=2, ensure_ascii=False) if shown else "",
        course=course,
        destination=str(actions.destination or ""),
        client=client_name,
        client_from=actions.client_from.field if actions.client_from else "",
        client_pattern=actions.client_from.pattern if actions.client_from else "",
        priority=actions.priority or "",
        assignee=str(actions.assignee or ""),
        tags=", ".join(actions.tags),
    )


def of_form(form: Mapping[str, Any]) -> Draft:
    """What a person has sent, as it is; nothing in it is believed yet."""

    def told(name: str, limit: int = 2_000) -> str:
        return str(form.get(name, ""))[:limit].replace("\r\n", "\n")

    groups = []
    for g in range(_MAX_GROUPS):
        if f"g{g}.mode" not in form:
            break
        rows = []
        for r in range(_MAX_ROWS):
            key = f"g{g}.r{r}"
            if f"{key}.field" not in form:
                break
            rows.append(
                Row(
                    field=told(f"{key}.field", 40),
                    op=told(f"{key}.op", 40),
                    value=told(f"{key}.value", 8_000),
                    name=told(f"{key}.name", 100),
                    negated=told(f"{key}.negated") == "yes",
                )
            )
        groups.append(Group(_one_of(told(f"g{g}.mode"), ("all", "any", "none")), rows))
    return Draft(
        name=told("name", 200),
        enabled=told("enabled") == "yes",
        match=_one_of(told("match"), ("all", "any")),
        groups=groups,
        text=told("text", 60_000),
        course=_one_of(told("course"), COURSES),
        destination=told("destination", 40),
        client=told("client", 200),
        client_from=told("client_from", 20),
        client_pattern=told("client_pattern", 600),
        priority=told("priority", 20),
        assignee=told("assignee", 40),
        tags=told("tags"),
    )


def change(draft: Draft, order: str) -> None:
    """What a button of the form does to it: `row 0`, `group`, `drop 0 2` (group, row)."""
    match order.split():
        case ["row", g] if (group := _at(draft.groups, g)) is not None and len(group.rows) < _MAX_ROWS:
            group.rows.append(Row())
        case ["group"] if len(draft.groups) < _MAX_GROUPS:
            draft.groups.append(Group())
        case ["drop", g, r] if (group := _at(draft.groups, g)) is not None and _at(group.rows, r) is not None:
            del group.rows[int(r)]
            if not group.rows and len(draft.groups) > 1:
                draft.groups.remove(group)


def to_rule(draft: Draft, rule_id: str, client_id: UUID | None) -> Rule:
    """The rule of a form. Raises Invalid."""
    faults: list[str] = []
    when = _from_text(draft.text, faults) if draft.text.strip() else _from_groups(draft, faults)
    then = _actions(draft, client_id, faults)
    if when is None or then is None or faults:
        raise Invalid(faults)
    try:
        return Rule.model_validate(
            {"id": rule_id, "name": draft.name.strip(), "enabled": draft.enabled, "when": when, "then": then}
        )
    except ValidationError as error:
        raise Invalid([_said(fault) for fault in error.errors()]) from None


# From conditions to groups and back ----------------------------------------------------------------------------


def _groups(when: Node) -> tuple[Literal["all", "any"], list[Group]] | None:
    """How the top joins the groups, and these; None for what is nested deeper than that."""
    if (group := _group(when)) is not None:
        return "all", [group]
    if not isinstance(when, AllOf | AnyOf):
        return None
    nodes = when.all if isinstance(when, AllOf) else when.any
    groups = [_group(node) for node in nodes]
    if any(group is None for group in groups):
        return None
    return "all" if isinstance(when, AllOf) else "any", [group for group in groups if group is not None]


def _group(node: Node) -> Group | None:
    if (row := _row(node)) is not None:
        return Group("all", [row])
    match node:
        case AllOf(all=nodes):
            mode: Mode = "all"
        case AnyOf(any=nodes):
            mode = "any"
        case Not(not_=AnyOf(any=nodes)):
            mode = "none"
        case _:
            return None
    rows = [_row(child) for child in nodes]
    return None if any(row is None for row in rows) else Group(mode, [row for row in rows if row is not None])


def _row(node: Node) -> Row | None:
    match node:
        case Not(not_=TextCondition() | SizeCondition() as inner):
            row = _row(inner)
            assert row is not None
            row.negated = True
            return row
        case TextCondition():
            if any("\n" in value or value != value.strip() or not value for value in node.values):
                return None
            return Row(node.field, node.op, "\n".join(node.values), node.name)
        case SizeCondition():
            return Row(node.field, node.op, str(node.value))
        case _:
            return None


def _from_groups(draft: Draft, faults: list[str]) -> Node | None:
    nodes = [node for group in draft.groups if (node := _node(group, faults)) is not None]
    if not nodes and not faults:
        faults.append(words("rule.no_condition"))
    if faults:
        return None
    if len(nodes) == 1:
        return nodes[0]
    return AllOf(all=tuple(nodes)) if draft.match == "all" else AnyOf(any=tuple(nodes))


def _node(group: Group, faults: list[str]) -> Node | None:
    rows = [(row, _condition(row, faults)) for row in group.rows if not row.is_blank]
    nodes: list[Node] = [Not(not_=node) if row.negated else node for row, node in rows if node is not None]
    if not nodes:
        return None
    joined: Node = nodes[0]
    if len(nodes) > 1:
        joined = AllOf(all=tuple(nodes)) if group.mode == "all" else AnyOf(any=tuple(nodes))
    return Not(not_=joined) if group.mode == "none" else joined


def _condition(row: Row, faults: list[str]) -> TextCondition | SizeCondition | None:
    values = [line.strip() for line in row.value.splitlines() if line.strip()]
    told: dict[str, Any] = {"field": row.field, "is": row.op}
    try:
        if row.field == "attachment_size":
            return SizeCondition.model_validate({**told, "value": values[0] if values else ""})
        if row.op != "exists":
            told["value"] = values[0] if len(values) == 1 else values
        if row.field == "header":
            told["name"] = row.name.strip()
        return TextCondition.model_validate(told)
    except ValidationError as error:
        where = words(f"rule.field.{row.field}") if row.field in FIELDS else row.field
        faults += [f"{where}: {_said(fault)}" for fault in error.errors()[:1]]
        return None


def _from_text(text: str, faults: list[str]) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        faults.append(words("rule.not_json", why=error))
        return None


def _actions(draft: Draft, client_id: UUID | None, faults: list[str]) -> RuleActions | None:
    told: dict[str, Any] = {"tags": [tag.strip() for tag in draft.tags.split(",") if tag.strip()], "client": client_id}
    told |= {name: getattr(draft, name) or None for name in ("destination", "priority", "assignee")}
    if draft.course != "go_on":
        told[draft.course] = True
    if draft.client_from and draft.client_pattern:
        told["client_from"] = {"field": draft.client_from, "pattern": draft.client_pattern}
    try:
        return RuleActions.model_validate(told)
    except ValidationError as error:
        faults += [f"{fault['loc'][0]}: {_said(fault)}" for fault in error.errors()]
        return None


def _dump(node: Node) -> Any:
    return node.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _said(fault: Any) -> str:
    return str(fault["msg"]).removeprefix("Value error, ")


def _one_of(value: str, known: Sequence[Any]) -> Any:
    return value if value in known else known[0]


def _at(things: list[Any], index: str) -> Any:
    return things[int(index)] if index.isascii() and index.isdigit() and int(index) < len(things) else None
