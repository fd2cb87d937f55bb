"""Rules: the ordered list, and the form in which one is written."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID

from aiohttp import web
from pydantic import ValidationError

from console import dry_runs, forms, rule_form, rule_words
from console.calls import NotFound, PageCall
from console.pages import rule_trials
from console.pages.answers import back, refused
from console.rule_form import Draft
from console.strings import text
from console.templating import render
from domain.deciding import Decision
from domain.rules import NoMatch, Rule, RuleSet
from storage import choices, people, rules

if TYPE_CHECKING:
    from storage.database import Session

Change = Callable[[list[Rule]], list[Rule]]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A rule as the list shows it."""

    rule: Rule
    when: str
    then: list[str]
    hits: rules.Hits | None

    @property
    def path(self) -> str:
        return f"/rules/{quote(self.rule.id, safe='')}"


async def listing(call: PageCall) -> web.Response:
    async with call.session() as session:
        version, rule_set = await rules.current(session, call.tenant_id)
        hits = await rules.hits(session, call.tenant_id)
        names = await _names(session, call, rule_set)
        destinations = await choices.destinations(session, call.tenant_id)
    shown = [
        _Shown(r, rule_words.conditions(r.when), rule_words.actions(r.then, names), hits.get(r.id))
        for r in rule_set.rules
    ]
    return await render(
        call,
        "rules.html",
        version=version,
        rules=shown,
        otherwise=rule_set.on_no_match,
        destinations=destinations,
        may_change=call.may("admin"),
    )


async def new(call: PageCall) -> web.Response:
    return await _form(call, "", Draft())


async def add(call: PageCall) -> web.Response:
    return await _save(call, "")


async def show(call: PageCall) -> web.Response:
    async with call.session() as session:
        _, rule_set = await rules.current(session, call.tenant_id)
        rule = _existing(call, rule_set)
        names = await _names(session, call, rule_set)
    client = names.get(rule.then.client, "") if rule.then.client else ""
    return await _form(call, rule.id, rule_form.of_rule(rule, client))


async def save(call: PageCall) -> web.Response:
    return await _save(call, call.request.match_info["id"])


async def move(call: PageCall) -> web.Response:
    """One place up or down."""
    step = -1 if forms.told(await call.request.post(), "to") == "up" else 1

    def moved(present: list[Rule]) -> list[Rule]:
        place = [rule.id for rule in present].index(call.request.match_info["id"])
        target = min(max(place + step, 0), len(present) - 1)
        present.insert(target, present.pop(place))
        return present

    return await _change(call, moved)


async def set_state(call: PageCall) -> web.Response:
    enabled = forms.told(await call.request.post(), "state") == "enabled"
    wanted = call.request.match_info["id"]
    return await _change(
        call, lambda present: [r.model_copy(update={"enabled": enabled}) if r.id == wanted else r for r in present]
    )


async def remove(call: PageCall) -> web.Response:
    wanted = call.request.match_info["id"]
    return await _change(call, lambda present: [rule for rule in present if rule.id != wanted])


async def otherwise(call: PageCall) -> web.Response:
    """What happens to new mail that no rule matches."""
    form = await call.request.post()
    told = {"action": forms.told(form, "action"), "destination": forms.some_id(form, "destination")}
    if told["action"] != "destination":
        told["destination"] = None
    try:
        on_no_match = NoMatch.model_validate(told)
    except ValidationError:
        return await refused(call, text("rules.otherwise.choose"), "/rules")
    async with call.session() as session:
        version, rule_set = await rules.current(session, call.tenant_id)
        try:
            await rules.save(
                session,
                call.tenant_id,
                RuleSet(rules=rule_set.rules, on_no_match=on_no_match),
                based_on=_based_on(form, version),
                actor=call.actor,
            )
        except rules.Conflict:
            return await refused(call, text("rules.conflict"), "/rules")
    return back("/rules")


async def versions(call: PageCall) -> web.Response:
    async with call.session() as session:
        rows = await rules.versions(session, call.tenant_id)
    return await render(call, "rule_versions.html", versions=rows)


async def version(call: PageCall) -> web.Response:
    async with call.session() as session:
        found = await _version(session, call)
        names = await _names(session, call, found["rules"])
        newest, _ = await rules.current(session, call.tenant_id)
    shown = [
        _Shown(r, rule_words.conditions(r.when), rule_words.actions(r.then, names), None) for r in found["rules"].rules
    ]
    return await render(
        call,
        "rule_version.html",
        version=found,
        rules=shown,
        newest=newest,
        may_change=call.may("admin") and found["version"] != newest,
    )


async def restore(call: PageCall) -> web.Response:
    """Puts the rules of an older version in force again, as a new version."""
    async with call.session() as session:
        found = await _version(session, call)
        newest, _ = await rules.current(session, call.tenant_id)
        try:
            await rules.save(session, call.tenant_id, found["rules"], based_on=newest, actor=call.actor)
        except rules.Conflict:
            return await refused(call, text("rules.conflict"), "/rules")
    return back("/rules")


async def _version(session: Session, call: PageCall) -> Any:
    wanted = call.request.match_info["id"]
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 10):
        raise NotFound
    try:
        return await rules.version(session, call.tenant_id, int(wanted))
    except LookupError:
        raise NotFound from None


async def _change(call: PageCall, change: Change) -> web.Response:
    """A new version of the rules, with the rule of the path changed."""
    form = await call.request.post()
    async with call.session() as session:
        current, rule_set = await rules.current(session, call.tenant_id)
        _existing(call, rule_set)
        changed = RuleSet(rules=tuple(change(list(rule_set.rules))), on_no_match=rule_set.on_no_match)
        try:
            await rules.save(session, call.tenant_id, changed, based_on=_based_on(form, current), actor=call.actor)
        except rules.Conflict:
            return await refused(call, text("rules.conflict"), "/rules")
    return back("/rules")


async def _save(call: PageCall, rule_id: str) -> web.Response:
    form = await call.request.post()
    draft, order = rule_form.of_form(form), forms.told(form, "do", 40)
    tried = {name: forms.told(form, f"try.{name}", 20_000) for name in rule_trials.FIELDS}
    async with call.session() as session:
        current, rule_set = await rules.current(session, call.tenant_id)
        if rule_id:
            _existing(call, rule_set)
        client_id = await choices.client_named(session, call.tenant_id, draft.client) if draft.client.strip() else None
    if order not in ("save", "try"):
        rule_form.change(draft, order)
        return await _form(call, rule_id, draft, tried=tried)
    try:
        if draft.client.strip() and client_id is None:
            raise rule_form.Invalid([text("rule.no_client", name=draft.client)])
        saved = rule_form.to_rule(draft, rule_id or secrets.token_hex(6), client_id)
        present = list(rule_set.rules)
        present = [saved if rule.id == rule_id else rule for rule in present] if rule_id else [*present, saved]
        changed = RuleSet(rules=tuple(present), on_no_match=rule_set.on_no_match)
    except rule_form.Invalid as invalid:
        return await _form(call, rule_id, draft, faults=invalid.faults, tried=tried)
    except ValidationError as error:
        return await _form(call, rule_id, draft, faults=forms.faults(error), tried=tried)
    if order == "try":
        return await _try(call, rule_id, draft, changed, tried)
    async with call.session() as session:
        try:
            based_on = _based_on(form, current)
            await rules.save(session, call.tenant_id, changed, based_on=based_on, actor=call.actor)
        except rules.Conflict:
            return await _form(call, rule_id, draft, faults=[text("rules.conflict")], tried=tried)
    return back("/rules")


async def _try(call: PageCall, rule_id: str, draft: Draft, changed: RuleSet, tried: dict[str, str]) -> web.Response:
    """What the rules would do with a mail if this one were saved as it is written; it is not."""
    try:
        mailbox_id, raw = UUID(tried["mailbox"]), dry_runs.written(tried)
        decision = await dry_runs.explain(call.services, call.tenant_id, mailbox_id, raw, changed)
    except (ValueError, LookupError):
        return await _form(call, rule_id, draft, faults=[text("tester.choose_mailbox")], tried=tried)
    return await _form(call, rule_id, draft, tried=tried, decision=decision)


async def _form(
    call: PageCall,
    rule_id: str,
    draft: Draft,
    *,
    faults: list[str] | None = None,
    tried: dict[str, str] | None = None,
    decision: Decision | None = None,
) -> web.Response:
    async with call.session() as session:
        current, _ = await rules.current(session, call.tenant_id)
        destinations = await choices.destinations(session, call.tenant_id)
        boxes = await people.mailbox_names(session, call.tenant_id)
        assignees = await choices.users(session, call.tenant_id, also=draft.assignee)
        clients = await choices.clients(session, call.tenant_id)
    return await render(
        call,
        "rule.html",
        status=422 if faults else 200,
        rule_id=rule_id,
        draft=draft,
        version=current,
        faults=faults or [],
        fields=rule_form.FIELDS,
        operators=rule_form.OPERATORS,
        courses=rule_form.COURSES,
        priorities=rule_form.PRIORITIES,
        destinations=destinations,
        people=assignees,
        mailboxes=boxes,
        tried=tried or dict.fromkeys(rule_trials.FIELDS, ""),
        decision=decision,
        clients=clients,
    )


def _existing(call: PageCall, rule_set: RuleSet) -> Rule:
    found = next((rule for rule in rule_set.rules if rule.id == call.request.match_info["id"]), None)
    if found is None:
        raise NotFound
    return found


def _based_on(form: Any, current: int) -> int:
    """The version that the person saw; the one in force where the form does not say."""
    told = forms.told(form, "based_on", 10)
    return int(told) if told.isascii() and told.isdigit() else current


async def _names(session: Session, call: PageCall, rule_set: RuleSet) -> dict[UUID, str]:
    named = [getattr(r.then, what) for r in rule_set.rules for what in ("destination", "client", "assignee")]
    wanted = {thing for thing in (*named, rule_set.on_no_match.destination) if thing is not None}
    return await choices.names(session, call.tenant_id, wanted) if wanted else {}
