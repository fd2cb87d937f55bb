"""Rules over new mail: ordered, the first that matches acts. Data that an admin writes, checked here, evaluated by RE2.

RE2 matches in time linear in the text, so no pattern of an admin can hang a worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal
from uuid import UUID

import re2
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from domain.address import canonical, domain_of
from domain.email import ParsedEmail
from domain.rule_actions import RuleActions

MAX_RULES = 500
MAX_CONDITIONS = 50
MAX_DEPTH = 8
MAX_PATTERN = 512
MAX_VALUE = 2_000
# Characters of the body that conditions see.
BODY_WINDOW = 100_000

TextField = Literal[
    "from", "from_domain", "from_name", "to", "to_domain", "reply_to", "subject", "body", "header",
    "attachment_name", "attachment_type", "kind", "authentication", "mailbox",
]  # fmt: skip
TextOperator = Literal["equals", "contains", "starts_with", "ends_with", "matches", "in", "exists"]
Value = Annotated[str, Field(max_length=MAX_VALUE)]

Test = Callable[["Mail"], bool]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


class TextCondition(_Strict):
    """A field that has several values (To, attachments, a repeated header) holds if one of them does.

    `is`: equals, contains, starts_with, ends_with (any of `value`), in (one of `value`), matches (RE2, anywhere),
    exists. Case does not matter. `name` is the header's, for the field `header`.
    """

    field: TextField
    name: str = Field(default="", max_length=100, pattern=r"^[!-9;-~]*$")
    op: TextOperator = Field(alias="is")
    value: Value | tuple[Value, ...] = Field(default=(), max_length=MAX_VALUE)

    @model_validator(mode="after")
    def _holds_together(self) -> TextCondition:
        if (self.field == "header") != bool(self.name):
            raise ValueError("a header condition has a name, and no other has")
        if self.op != "exists" and not self.values:
            raise ValueError(f"{self.op} needs a value")
        if self.op == "matches":
            for pattern in self.values:
                compile_pattern(pattern)
        return self

    @property
    def values(self) -> tuple[str, ...]:
        return (self.value,) if isinstance(self.value, str) else self.value


class SizeCondition(_Strict):
    """Whether an attachment is at least or at most this large, in bytes."""

    field: Literal["attachment_size"]
    op: Literal["at_least", "at_most"] = Field(alias="is")
    value: int = Field(ge=0)


class AllOf(_Strict):
    all: tuple[Node, ...] = Field(min_length=1)


class AnyOf(_Strict):
    any: tuple[Node, ...] = Field(min_length=1)


class Not(_Strict):
    not_: Node = Field(alias="not")


Node = TextCondition | SizeCondition | AllOf | AnyOf | Not


class Rule(_Strict):
    """One rule; `id` names it in decision records."""

    id: str = Field(min_length=1, max_length=64)
    name: str = Field(min_length=1, max_length=200)
    enabled: bool = True
    when: Node
    then: RuleActions

    @field_validator("when")
    @classmethod
    def _bounded(cls, when: Node) -> Node:
        conditions, depth = _measure(when)
        if conditions > MAX_CONDITIONS or depth > MAX_DEPTH:
            raise ValueError(f"at most {MAX_CONDITIONS} conditions, {MAX_DEPTH} levels deep")
        return when

    @field_validator("then")
    @classmethod
    def _compiles(cls, then: RuleActions) -> RuleActions:
        if then.client_from is not None and compile_pattern(then.client_from.pattern).groups < 1:
            raise ValueError("client_from needs a pattern with one group")
        return then


class NoMatch(_Strict):
    """What happens to new mail that no rule matches: it goes on, goes to a destination, or is skipped."""

    action: Literal["proceed", "destination", "skip"] = "proceed"
    destination: UUID | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> NoMatch:
        if (self.action == "destination") != (self.destination is not None):
            raise ValueError("destination belongs to the action destination")
        return self


class RuleSet(_Strict):
    """All rules of a tenant. Every change makes a new version; decision records name the one they were made under."""

    rules: tuple[Rule, ...] = Field(default=(), max_length=MAX_RULES)
    on_no_match: NoMatch = NoMatch()

    @field_validator("rules")
    @classmethod
    def _unique(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        if len({rule.id for rule in rules}) != len(rules):
            raise ValueError("two rules have the same id")
        return rules


@dataclass(frozen=True)
class Mail:
    """A mail as conditions see it; `headers` by lower-cased name, read only if a rule asks for them."""

    email: ParsedEmail
    mailbox: str = ""
    authentication: str = "unknown"
    headers: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def texts(self, condition: TextCondition) -> Sequence[str]:
        """The values of the condition's field, case folded."""
        if condition.field == "header":
            return [value.casefold() for value in self.headers.get(condition.name.lower(), ())]
        return self._fields[condition.field]()

    @cached_property
    def _fields(self) -> dict[str, Callable[[], Sequence[str]]]:
        email = self.email
        recipients = [canonical(a.address) for a in (*email.to, *email.cc)]
        senders = [canonical(a.address) for a in email.from_]
        return {
            "from": lambda: senders,
            "from_domain": lambda: [domain_of(a) for a in senders],
            "from_name": lambda: [a.name.casefold() for a in email.from_ if a.name],
            "to": lambda: recipients,
            "to_domain": lambda: [domain_of(a) for a in recipients],
            "reply_to": lambda: [canonical(a.address) for a in email.reply_to],
            "subject": lambda: self.subject,
            "body": lambda: self.body,
            "attachment_name": lambda: [a.filename.casefold() for a in email.attachments],
            "attachment_type": lambda: [a.content_type.casefold() for a in email.attachments],
            "kind": lambda: [email.kind],
            "authentication": lambda: [self.authentication],
            "mailbox": lambda: [self.mailbox],
        }

    @cached_property
    def subject(self) -> Sequence[str]:
        return [self.email.subject.casefold()] if self.email.subject else []

    @cached_property
    def body(self) -> Sequence[str]:
        return [self.email.text[:BODY_WINDOW].casefold()] if self.email.text else []


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that matches; `client_name` is what its `client_from` took out of the mail, None if it takes nothing."""

    rule_id: str
    name: str
    actions: RuleActions
    client_name: str | None = None


class CompiledRules:
    """A rule set ready for many mails. `needs_headers`: whether any rule looks at a header."""

    def __init__(self, rule_set: RuleSet) -> None:
        self._rules = [(rule, _compile(rule.when)) for rule in rule_set.rules if rule.enabled]
        self.on_no_match = rule_set.on_no_match
        self.needs_headers = any(_looks_at_headers(rule.when) for rule, _ in self._rules)

    def matches(self, mail: Mail) -> Iterator[Match]:
        """The rules that match, in order. A rule whose `client_from` finds no name in the mail does not match."""
        for rule, test in self._rules:
            if not test(mail):
                continue
            client_from = rule.then.client_from
            if client_from is None:
                yield Match(rule.id, rule.name, rule.then)
                continue
            text = mail.email.subject if client_from.field == "subject" else mail.email.text[:BODY_WINDOW]
            found = compile_pattern(client_from.pattern).search(text)
            if found and found.group(1) and found.group(1).strip():
                yield Match(rule.id, rule.name, rule.then, " ".join(found.group(1).split())[:200])


def compile_pattern(pattern: str) -> Any:
    """A compiled RE2 pattern, case-insensitive. Raises ValueError for one that is wrong, too long or too costly."""
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"a pattern has at most {MAX_PATTERN} characters")
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        raise ValueError(f"not a regular expression that RE2 knows: {reason}") from None


def _compile(node: Node) -> Test:
    match node:
        case AllOf(all=nodes):
            tests = [_compile(child) for child in nodes]
            return lambda mail: all(test(mail) for test in tests)
        case AnyOf(any=nodes):
            tests = [_compile(child) for child in nodes]
            return lambda mail: any(test(mail) for test in tests)
        case Not(not_=child):
            test = _compile(child)
            return lambda mail: not test(mail)
        case SizeCondition():
            return _compile_size(node)
        case TextCondition():
            holds = _OPERATORS[node.op](node.values)
            return lambda mail: any(map(holds, mail.texts(node)))


def _compile_size(condition: SizeCondition) -> Test:
    bound = condition.value
    if condition.op == "at_least":
        return lambda mail: any(a.size >= bound for a in mail.email.attachments)
    return lambda mail: any(a.size <= bound for a in mail.email.attachments)


def _one_of(values: tuple[str, ...]) -> Callable[[str], bool]:
    wanted = frozenset(value.strip().casefold() for value in values)
    return lambda text: text in wanted


def _contains(values: tuple[str, ...]) -> Callable[[str], bool]:
    wanted = [value.casefold() for value in values]
    return lambda text: any(value in text for value in wanted)


def _starts(values: tuple[str, ...]) -> Callable[[str], bool]:
    wanted = tuple(value.casefold() for value in values)
    return lambda text: text.startswith(wanted)


def _ends(values: tuple[str, ...]) -> Callable[[str], bool]:
    wanted = tuple(value.casefold() for value in values)
    return lambda text: text.endswith(wanted)


def _matches(values: tuple[str, ...]) -> Callable[[str], bool]:
    patterns = [compile_pattern(value) for value in values]
    return lambda text: any(pattern.search(text) is not None for pattern in patterns)


def _exists(values: tuple[str, ...]) -> Callable[[str], bool]:
    return lambda text: True


_OPERATORS: dict[TextOperator, Callable[[tuple[str, ...]], Callable[[str], bool]]] = {
    "equals": _one_of,
    "in": _one_of,
    "contains": _contains,
    "starts_with": _starts,
    "ends_with": _ends,
    "matches": _matches,
    "exists": _exists,
}


def _children(node: Node) -> tuple[Node, ...]:
    match node:
        case AllOf(all=nodes) | AnyOf(any=nodes):
            return nodes
        case Not(not_=child):
            return (child,)
        case _:
            return ()


def _measure(node: Node) -> tuple[int, int]:
    """(number of conditions, depth of nesting)"""
    children = [_measure(child) for child in _children(node)]
    if not children:
        return 1, 1
    return sum(n for n, _ in children), 1 + max(depth for _, depth in children)


def _looks_at_headers(node: Node) -> bool:
    if isinstance(node, TextCondition):
        return node.field == "header"
    return any(map(_looks_at_headers, _children(node)))
