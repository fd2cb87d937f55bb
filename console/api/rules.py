"""The operations about rules: those in force and before, how often each acts, what they would do to a mail."""

from __future__ import annotations

import base64
from uuid import UUID

from aiohttp import web

from console import dry_runs
from console.api import deciding_models as models
from console.api.answers import cut_answer, json_answer
from console.api.models import EvidenceLine
from console.api.problems import Problem
from console.api.requests import parse
from console.calls import REPLAYS, ApiCall, NotFound
from domain.deciding import Decision
from storage import replays, rules


async def explain(call: ApiCall) -> web.Response:
    body = parse(call, models.ExplainRequest)
    try:
        raw = base64.b64decode(body.raw, validate=True)
    except ValueError:
        raise Problem(422, "Send the message as base64 in `raw`.") from None
    mailbox_id = await _mailbox(call, body.mailbox)
    decision = await dry_runs.explain(call.services, call.tenant_id, mailbox_id, raw, body.rule_set)
    return json_answer(_explanation(decision))


async def get_rules(call: ApiCall) -> web.Response:
    async with call.session() as session:
        version, rule_set = await rules.current(session, call.tenant_id)
    return json_answer(models.Rules(version=version, rule_set=rule_set))


async def put_rules(call: ApiCall) -> web.Response:
    body = parse(call, models.RulesUpdate)
    async with call.session() as session:
        try:
            version = await rules.save(session, call.tenant_id, body.rule_set, based_on=body.based_on, actor=call.actor)
        except rules.Conflict as error:
            raise Problem(409, f"Nothing was saved: {error}.", kind="version-conflict") from None
    return json_answer(models.Rules(version=version, rule_set=body.rule_set))


async def list_rule_versions(call: ApiCall) -> web.Response:
    async with call.session() as session:
        rows = await rules.versions(session, call.tenant_id, limit=1000)
    items = [models.RuleVersion.model_validate(dict(row)) for row in rows]
    return cut_answer(call.request.query, items)


async def get_rule_version(call: ApiCall) -> web.Response:
    wanted = call.request.match_info["id"]
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 10):
        raise NotFound
    async with call.session() as session:
        try:
            found = await rules.version(session, call.tenant_id, int(wanted))
        except LookupError:
            raise NotFound from None
    return json_answer(models.SavedRules(**{**found, "rule_set": found["rules"]}))


async def list_rule_hits(call: ApiCall) -> web.Response:
    async with call.session() as session:
        found = await rules.hits(session, call.tenant_id)
    items = [
        models.RuleHits(rule_id=rule_id, total=hits.total, recent=hits.recent, last_at=hits.last_at)
        for rule_id, hits in sorted(found.items())
    ]
    return cut_answer(call.request.query, items)


async def list_rule_replays(call: ApiCall) -> web.Response:
    async with call.session() as session:
        rows = await replays.latest(session, call.tenant_id)
    items = [models.RuleReplay.model_validate({**row, "id": row["replay_id"]}) for row in rows]
    return cut_answer(call.request.query, items)


async def begin_rule_replay(call: ApiCall) -> web.Response:
    body = parse(call, models.ReplayRequest)
    try:
        replay_id = await call.request.app[REPLAYS].start(call.tenant_id, body.since, actor=call.actor)
    except replays.Busy:
        raise Problem(409, "A replay of your rules is running: wait until it is done.") from None
    return await _replay(call, replay_id)


async def get_rule_replay(call: ApiCall) -> web.Response:
    return await _replay(call, call.id("id"))


async def _replay(call: ApiCall, replay_id: UUID) -> web.Response:
    async with call.session() as session:
        row = await replays.get(session, call.tenant_id, replay_id)
    if row is None:
        raise NotFound
    return json_answer(models.RuleReplayResult.model_validate({**row, "id": row["replay_id"]}))


def _explanation(decision: Decision) -> models.Explanation:
    question = decision.question
    return models.Explanation(
        action=decision.action,
        reason=decision.reason,
        ticket_id=decision.ticket_id,
        evidence=[EvidenceLine(looked_at=line.looked_at, result=line.result) for line in decision.evidence],
        flags=decision.flags,
        question=question.text if question else None,
        options=question.options if question else [],
        candidates=question.candidates if question else [],
        rules_version=decision.rules_version,
    )


async def _mailbox(call: ApiCall, name: str) -> UUID:
    """A mailbox of the caller's tenant, by id or address; another tenant may have the same address."""
    async with call.session() as session:
        found: UUID | None = await session.fetchval(
            "select mailbox_id from mailboxes where tenant_id = $1 and $2 in (address, mailbox_id::text)",
            call.tenant_id,
            name.lower(),
        )
    if found is None:
        raise NotFound
    return found
