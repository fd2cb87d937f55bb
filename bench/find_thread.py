"""How long it takes to decide one mail in a tenant with a long history: `python -m bench.find_thread [--messages N …]`.

Measures `storage.deciding.find_thread` in its transaction (begin, evidence, decision, record), for every sort of mail,
over a real Postgres of its own; and what 200 rules cost a mail.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from random import Random

from bench import results
from domain.rules import CompiledRules, Mail, RuleSet
from storage import deciding, rules
from storage.database import Database
from tests import bulk, mails_of_history, postgres

KEYS = {"k1": bytes(32)}
RULES = 200


class _Rollback(Exception):
    """Leaves the history as it was."""


def rule_set() -> RuleSet:
    """Rules as people write them, none of which matches."""
    kinds = [
        {"field": "subject", "is": "contains", "value": "word{n}"},
        {"field": "from_domain", "is": "in", "value": ["a{n}.example", "b{n}.example"]},
        {
            "all": [
                {"field": "body", "is": "contains", "value": "order {n}"},
                {"field": "kind", "is": "equals", "value": "list"},
            ]
        },
        {"field": "body", "is": "matches", "value": "(?:invoice|bill)\\s+no\\.?\\s*{n}\\d+"},
        {"not": {"any": [{"field": "subject", "is": "exists"}, {"field": "to", "is": "equals", "value": "{n}@a.b"}]}},
    ]

    def numbered(value: object, n: int) -> object:
        if isinstance(value, dict):
            return {key: numbered(inner, n) for key, inner in value.items()}
        if isinstance(value, list):
            return [numbered(inner, n) for inner in value]
        return value.replace("{n}", str(n)) if isinstance(value, str) else value

    made = [
        {"id": f"r{n}", "name": f"Rule {n}", "when": numbered(kinds[n % len(kinds)], n), "then": {"tags": ["x"]}}
        for n in range(RULES)
    ]
    return RuleSet.model_validate({"rules": made})


async def measure(server: postgres.PostgresServer, messages: int, rounds: int, *, with_rules: bool) -> results.Row:
    """Prints each sort of mail, and returns the row of all of them."""
    url = await postgres.fresh_database(server)
    started = time.perf_counter()
    history = await bulk.fill(url, messages)
    print(f"{messages:,} messages on {history.tickets:,} tickets, filled in {time.perf_counter() - started:.0f} s")
    db = await Database.connect(url)
    if with_rules:
        async with db.tenant(history.tenant_id) as session:
            await rules.save(session, history.tenant_id, rule_set(), based_on=0, actor="bench")
    random = Random(7)
    everything: list[float] = []
    for sort in mails_of_history.SORTS:
        took = [await _decide(db, history, sort, random) for _ in range(rounds + 5)][5:]
        everything += took
        print(f"  {sort.__name__:18} p50 {_percentile(took, 50):6.2f}   p99 {_percentile(took, 99):6.2f}", flush=True)
    await db.close()
    await postgres.drop_database(server, url)
    return f"{messages:,} messages on {history.tickets:,} tickets", _figures(everything)


async def _decide(db: Database, history: bulk.History, sort: mails_of_history.Sort, random: Random) -> float:
    async with db.tenant(history.tenant_id) as session:
        email_id = await bulk.arrive(session, history, sort(history, random, KEYS))
    started = time.perf_counter()
    try:
        async with db.tenant(history.tenant_id) as session:
            await deciding.find_thread(session, KEYS, history.tenant_id, email_id, (), frozenset())
            took = time.perf_counter() - started
            raise _Rollback
    except _Rollback:
        return took * 1000


def measure_rules() -> results.Row:
    compiled = CompiledRules(rule_set())
    history = bulk.History(bulk.uuid4(), bulk.uuid4(), 1000, 1)
    took = []
    for _ in range(300):
        email = mails_of_history.new_of_stranger(history, Random(1), KEYS)
        started = time.perf_counter()
        matched = list(compiled.matches(Mail(email)))
        took.append((time.perf_counter() - started) * 1000)
        assert not matched
    return f"{RULES} rules, of which none matches", _figures(took)


def _figures(milliseconds: list[float]) -> str:
    return f"p50 {_percentile(milliseconds, 50):.2f} ms, p99 {_percentile(milliseconds, 99):.2f} ms"


def _percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, nargs="+", default=[1_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=200, help="mails of each sort")
    parser.add_argument("--rules", action="store_true", help=f"with {RULES} rules in force")
    arguments = parser.parse_args()
    rows = [measure_rules()]
    with postgres.server() as server:
        asyncio.run(postgres.migrated_template(server))
        rows += [
            asyncio.run(measure(server, messages, arguments.rounds, with_rules=arguments.rules))
            for messages in arguments.messages
        ]
    results.write("find_thread", "Evidence and decision of nine sorts of mail, in a transaction of its own.", rows)


if __name__ == "__main__":
    main()
