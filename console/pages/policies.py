"""Policies: what the organisation chooses for all its mail, and for each mailbox."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, get_args
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ValidationError

from console import forms
from console.api.deciding_models import MailboxPolicyBody, TenantPolicyBody
from console.calls import NotFound, PageCall
from console.pages.answers import back
from console.strings import text
from console.templating import render
from domain.policy import LoopLimits, MailboxPolicy, Retention, TenantPolicy
from domain.task import TaskKind
from storage import defaults, mailbox_admin, policies

COPIES: Final = ("one_ticket", "linked", "separate")
UNKNOWN_SENDER: Final = ("create_contact", "ask", "hold", "reject")
UNAUTHENTICATED: Final = ("accept", "review")
# Kinds of automated mail that a mailbox may let open tickets.
TICKETS_FROM: Final = ("auto_reply", "bounce", "report")
STAGES: Final = ("remind", "escalate", "default")
LOOPS: Final = tuple(LoopLimits.model_fields)
KEPT: Final = tuple(Retention.model_fields)
KINDS: Final[tuple[TaskKind, ...]] = get_args(TaskKind)


async def show(call: PageCall) -> web.Response:
    async with call.session() as session:
        policy = await policies.tenant(session, call.tenant_id)
    return await _tenant(call, policy)


async def save(call: PageCall) -> web.Response:
    form = await call.request.post()
    async with call.session() as session:
        before = await policies.tenant(session, call.tenant_id)
    told = _tenant_told(form, before)
    try:
        policy = TenantPolicyBody.model_validate(told)
    except ValidationError as error:
        return await _tenant(call, before, form, faults=_incomplete(form) or forms.faults(error))
    async with call.session() as session:
        await policies.set_tenant(session, call.tenant_id, policy, actor=call.actor)
    return back("/policies")


async def show_mailbox(call: PageCall) -> web.Response:
    async with call.session() as session:
        return await _mailbox(call, await _policy(session, call))


async def save_mailbox(call: PageCall) -> web.Response:
    form = await call.request.post()
    async with call.session() as session:
        before = await _policy(session, call)
    told: dict[str, Any] = {
        "trusted_authserv_ids": forms.lines(form, "trusted_authserv_ids"),
        "trusted_forwarders": forms.lines(form, "trusted_forwarders"),
        "unauthenticated": forms.told(form, "unauthenticated") or before.unauthenticated,
        "unknown_sender": forms.told(form, "unknown_sender") or before.unknown_sender,
        "tickets_from": form.getall("tickets_from", []),
    }
    try:
        policy = MailboxPolicyBody.model_validate(told)
    except ValidationError as error:
        # As it was written, wrong or not.
        return await _mailbox(call, MailboxPolicy.model_construct(**told), faults=forms.faults(error))
    async with call.session() as session:
        await policies.set_mailbox(session, call.tenant_id, call.id("id"), policy, actor=call.actor)
    return back("/policies")


async def _policy(session: Any, call: PageCall) -> MailboxPolicy:
    try:
        await mailbox_admin.find(session, call.tenant_id, call.id("id"))
        return await policies.mailbox(session, call.tenant_id, call.id("id"))
    except LookupError:
        raise NotFound from None


async def _tenant(
    call: PageCall, policy: TenantPolicy, form: Mapping[str, Any] | None = None, *, faults: list[str] | None = None
) -> web.Response:
    """`form` is what was written and could not be taken: it is shown in place of what is in force."""

    def shown(name: str, stored: Any) -> Any:
        return stored if form is None else form.get(name, "")

    async with call.session() as session:
        boxes = await defaults.mailboxes(session, call.tenant_id)
        used = {row["queue"] for row in await defaults.listing(session, call.tenant_id)}
    return await render(
        call,
        "policies.html",
        status=422 if faults else 200,
        policy=policy,
        shown=shown,
        mailboxes=boxes,
        queues=sorted(used | set(policy.queues)) if form is None else _queues(form),
        unused=set(policy.queues) - used,
        kinds=KINDS,
        stages=STAGES,
        loops=LOOPS,
        kept=KEPT,
        copies=COPIES,
        hours=_hours,
        faults=faults or [],
        may_change=call.may("admin"),
    )


async def _mailbox(call: PageCall, policy: MailboxPolicy, *, faults: list[str] | None = None) -> web.Response:
    mailbox_id: UUID = call.id("id")
    async with call.session() as session:
        boxes = await defaults.mailboxes(session, call.tenant_id)
    return await render(
        call,
        "mailbox_policy.html",
        status=422 if faults else 200,
        policy=policy,
        mailbox=next(box for box in boxes if box["mailbox_id"] == mailbox_id),
        unknown_sender=UNKNOWN_SENDER,
        unauthenticated=UNAUTHENTICATED,
        tickets_from=TICKETS_FROM,
        faults=faults or [],
        may_change=call.may("admin"),
    )


def _tenant_told(form: Mapping[str, Any], before: TenantPolicy) -> dict[str, Any]:
    """The policy as a person wrote it; what the form leaves out stays as it was."""
    stored: BaseModel = before
    told = stored.model_dump(mode="json")
    if copies := forms.told(form, "copies"):
        told["copies"] = copies
    for limit in LOOPS:
        if f"loops.{limit}" in form:
            told["loops"][limit] = forms.told(form, f"loops.{limit}", 20)
    for name in KEPT:
        if f"retention.{name}" in form:
            told["retention"][name] = forms.told(form, f"retention.{name}", 20) or None
    for kind in KINDS:
        wanted = _deadlines(form, kind)
        if any(wanted):
            told["deadlines"][kind] = dict(zip(STAGES, map(_from_hours, wanted), strict=True))
        elif f"deadlines.{kind}.{STAGES[0]}" in form:
            told["deadlines"].pop(kind, None)
    for number, name in enumerate(_queues(form)):
        key = f"queues.{number}"
        told["queues"][name] = {
            "reopen": forms.told(form, f"{key}.reopen") == "yes",
            "window_hours": forms.told(form, f"{key}.window_hours", 10),
            "per_hour": forms.told(form, f"{key}.per_hour", 10),
            "thanks_reopen": forms.told(form, f"{key}.thanks_reopen") == "yes",
        }
    return told


def _queues(form: Mapping[str, Any]) -> list[str]:
    """The queues of the form, in its order."""
    names: list[str] = []
    while (key := f"queues.{len(names)}.name") in form:
        names.append(forms.told(form, key, 100))
    return names


def _deadlines(form: Mapping[str, Any], kind: TaskKind) -> list[str]:
    return [forms.told(form, f"deadlines.{kind}.{stage}", 10) for stage in STAGES]


def _incomplete(form: Mapping[str, Any]) -> list[str]:
    """The kinds of questions with some of their deadlines only."""
    halves = [kind for kind in KINDS if any(wanted := _deadlines(form, kind)) and not all(wanted)]
    return [text("policies.deadlines.half", kind=text(f"kind.{kind}")) for kind in halves]


def _hours(length: timedelta) -> str:
    return f"{length.total_seconds() / 3600:g}"


def _from_hours(hours: str) -> Any:
    """A duration for the model; what is no number is for it to refuse."""
    try:
        return timedelta(hours=float(hours))
    except (ValueError, OverflowError):
        return hours
