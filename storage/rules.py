"""Rule sets in Postgres: every change a new version, the newest in force; compiled once per process and version."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.rule_actions import RuleActions
from domain.rules import MAX_RULES, CompiledRules, Rule, RuleSet, TextCondition
from storage import tenants

if TYPE_CHECKING:
    from storage.database import Session

_MAX_CACHED = 256


class Conflict(Exception):
    """Somebody else has saved a newer version meanwhile; nothing was changed."""


class _Cache:
    """Compiled rule sets. A version never changes; the time it was saved tells it from that of a restored database."""

    def __init__(self) -> None:
        self._compiled: OrderedDict[tuple[UUID, int, datetime | None], CompiledRules] = OrderedDict()

    async def get(self, session: Session, tenant_id: UUID, version: int, saved_at: datetime | None) -> CompiledRules:
        key = (tenant_id, version, saved_at)
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = self._compiled[key] = CompiledRules(await load(session, tenant_id, version))
            if len(self._compiled) > _MAX_CACHED:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(key)
        return compiled


_cache = _Cache()


async def compiled(session: Session, tenant_id: UUID, version: int, saved_at: datetime | None) -> CompiledRules:
    """The rules of a version, ready to evaluate. Raises LookupError, and ValueError for rules that no longer hold."""
    return await _cache.get(session, tenant_id, version, saved_at)


async def load(session: Session, tenant_id: UUID, version: int) -> RuleSet:
    stored = await session.fetchval(
        "select rules from rule_sets where tenant_id = $1 and version = $2", tenant_id, version
    )
    if stored is None:
        raise LookupError(f"no rule set {version}")
    return RuleSet.model_validate(stored)


async def current(session: Session, tenant_id: UUID) -> tuple[int, RuleSet]:
    """(version, rules) in force; version 0 is the empty set before anybody saved one."""
    row = await session.fetchrow(
        "select version, rules from rule_sets where tenant_id = $1 order by version desc limit 1", tenant_id
    )
    return (row["version"], RuleSet.model_validate(row["rules"])) if row else (0, RuleSet())


async def save(session: Session, tenant_id: UUID, rule_set: RuleSet, *, based_on: int, actor: str) -> int:
    """Puts a rule set in force and returns its version. Raises Conflict if `based_on` is not the newest version."""
    version: int | None = await session.fetchval(
        """insert into rule_sets (tenant_id, version, rules, created_by)
           select $1, $2 + 1, $3, $4
            where $2 = coalesce((select max(version) from rule_sets where tenant_id = $1), 0)
           on conflict do nothing returning version""",
        tenant_id,
        based_on,
        rule_set.model_dump(mode="json", exclude_defaults=True),
        actor,
    )
    if version is None:
        raise Conflict("somebody else has changed the rules meanwhile: load them again")
    await session.execute(
        "insert into audit (tenant_id, actor, action, object, detail) values ($1, $2, 'save_rules', $3, $4)",
        tenant_id,
        actor,
        f"rules/{version}",
        {"rules": len(rule_set.rules)},
    )
    return version


async def versions(session: Session, tenant_id: UUID, *, limit: int = 50) -> list[Any]:
    """Who saved which version when, newest first."""
    return await session.fetch(
        """select version, created_by, created_at, coalesce(jsonb_array_length(rules -> 'rules'), 0) as rules
             from rule_sets where tenant_id = $1 order by version desc limit $2""",
        tenant_id,
        limit,
    )


async def version(session: Session, tenant_id: UUID, number: int) -> Any:
    """One version: `version`, `rules` (a RuleSet), `created_by`, `created_at`. Raises LookupError."""
    row = await session.fetchrow(
        """select version, rules, created_by, created_at from rule_sets where tenant_id = $1 and version = $2""",
        tenant_id,
        number,
    )
    if row is None:
        raise LookupError(f"no rule set {number}")
    return {**row, "rules": RuleSet.model_validate(row["rules"])}


async def count_hit(session: Session, tenant_id: UUID, rule_id: str) -> None:
    """One more mail was decided by this rule; to be called last in the transaction that commits its outcome."""
    await session.execute(
        """insert into rule_hits as h (tenant_id, rule_id) values ($1, $2)
           on conflict (tenant_id, rule_id, day) do update set hits = h.hits + 1, last_at = now()""",
        tenant_id,
        rule_id,
    )


@dataclass(frozen=True, slots=True)
class Hits:
    """How many mails a rule decided: ever, and in the last 30 days; and when it last did."""

    total: int
    recent: int
    last_at: datetime


async def hits(session: Session, tenant_id: UUID) -> dict[str, Hits]:
    """By rule id; a rule that has decided nothing is missing."""
    rows = await session.fetch(
        """select rule_id, sum(hits)::bigint as total, max(last_at) as last_at,
                  coalesce(sum(hits) filter (where day > current_date - 30), 0)::bigint as recent
             from rule_hits where tenant_id = $1 group by rule_id""",
        tenant_id,
    )
    return {row["rule_id"]: Hits(row["total"], row["recent"], row["last_at"]) for row in rows}


async def skip_sender(session: Session, tenant_id: UUID, address: str, *, actor: str) -> None:
    """Adds a rule before all others that skips new mail from this address, unless it is there already."""
    await tenants.take_turns(session, tenant_id)
    version, rule_set = await current(session, tenant_id)
    learned = Rule(
        id=f"learned-{hashlib.sha256(address.encode()).hexdigest()[:16]}",
        name=f"Skip {address}"[:200],
        when=TextCondition(field="from", op="equals", value=address),
        then=RuleActions(skip=True),
    )
    if any(rule.id == learned.id for rule in rule_set.rules) or len(rule_set.rules) >= MAX_RULES:
        return
    await save(
        session,
        tenant_id,
        RuleSet(rules=(learned, *rule_set.rules), on_no_match=rule_set.on_no_match),
        based_on=version,
        actor=actor,
    )
