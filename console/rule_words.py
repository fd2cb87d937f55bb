"""A rule in words, for the list of rules."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from console.strings import text
from domain.rule_actions import RuleActions
from domain.rules import AllOf, AnyOf, Node, Not, SizeCondition, TextCondition

Names = Mapping[UUID, str]
# A condition lists so many of its values, and says how many more there are.
_SHOWN = 3


def conditions(when: Node, *, inner: bool = False) -> str:
    """`Subject contains “fire” and not (Sender is “a@example.com” or Kind of mail is “list”)`"""
    match when:
        case AllOf(all=nodes):
            joined = text("rule.and").join(conditions(node, inner=True) for node in nodes)
            return f"({joined})" if inner and len(nodes) > 1 else joined
        case AnyOf(any=nodes):
            joined = text("rule.or").join(conditions(node, inner=True) for node in nodes)
            return f"({joined})" if inner and len(nodes) > 1 else joined
        case Not(not_=node):
            return text("rule.not", what=conditions(node, inner=True))
        case SizeCondition():
            return f"{text('rule.field.attachment_size')} {text(f'rule.op.{when.op}')} {when.value}"
        case TextCondition():
            return _condition(when)


def _condition(condition: TextCondition) -> str:
    what = f"{text('rule.field.header')} {condition.name}" if condition.name else text(f"rule.field.{condition.field}")
    if condition.op == "exists":
        return f"{what} {text('rule.op.exists')}"
    shown = text("rule.or").join(f"“{value}”" for value in condition.values[:_SHOWN])
    rest = len(condition.values) - _SHOWN
    more = text("rule.more", n=rest) if rest > 0 else ""
    return f"{what} {text(f'rule.op.{condition.op}')} {shown}{more}"


def actions(then: RuleActions, names: Names) -> list[str]:
    """What happens, in the order in which it is decided; `names` of destinations, clients and users."""

    def name(thing: UUID) -> str:
        return names.get(thing) or text("rule.gone")

    said = [text(f"rule.course.{word}") for word in ("skip", "quarantine", "ask") if getattr(then, word)]
    if then.destination:
        said.append(text("rule.does.destination", name=name(then.destination)))
    if then.client:
        said.append(text("rule.does.client", name=name(then.client)))
    if then.client_from:
        said.append(text("rule.does.client_from", field=text(f"rule.field.{then.client_from.field}")))
    if then.priority:
        said.append(text("rule.does.priority", priority=text(f"priority.{then.priority}")))
    if then.assignee:
        said.append(text("rule.does.assignee", name=name(then.assignee)))
    if then.tags:
        said.append(text("rule.does.tags", tags=", ".join(then.tags)))
    return said or [text("rule.does.nothing")]
