"""Holds dashboards, alerts and runbooks together: every expression parses and asks for metrics that exist, every alert
has a test that makes it fire, with series as they are scraped, and a runbook entry with steps. Exit status 1 with a
line for each fault.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import promql_parser
import yaml

HERE = Path(__file__).parent
RULES = HERE / "monitoring" / "prometheus"
# Those of Temporal's SDK, of Prometheus, and of its Python client; ours come from docs/metrics.md.
FOREIGN = re.compile(r"temporal_\w+|up|process_(resident_memory_bytes|cpu_seconds_total)")


def known() -> set[str]:
    text = (HERE.parent / "docs" / "metrics.md").read_text("utf-8")
    names = set(re.findall(r"^\| `(postroom_\w+)` \|", text, re.MULTILINE))
    return names | {f"{name}_{part}" for name in names for part in ("bucket", "sum", "count")}


def expressions() -> Iterator[tuple[str, str]]:
    """Where each stands, and the expression."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for file in sorted((HERE / "monitoring" / "grafana").glob("*.json")):
        for panel in json.loads(file.read_text("utf-8"))["panels"]:
            for target in panel.get("targets", ()):
                yield f"{file.name}: {panel['title']}", target["expr"]


def rules() -> list[dict]:
    groups = yaml.safe_load((RULES / "alerts.yaml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def faults() -> Iterator[str]:
    metrics = known()
    for place, expression in expressions():
        try:
            promql_parser.parse(expression)
        except ValueError as error:
            yield f"{place}: {error}"
        for name in set(re.findall(r"\b(?:postroom|temporal|process)_\w+|\bup\b", strip_strings(expression))):
            if name not in metrics and not FOREIGN.fullmatch(name):
                yield f"{place}: there is no metric {name}"
    tests = yaml.safe_load((RULES / "alerts_test.yaml").read_text("utf-8"))["tests"]
    firing = {t["alertname"] for test in tests for t in test["alert_rule_test"] if t.get("exp_alerts")}
    for test in tests:
        for series in test["input_series"]:
            if '{job="postroom-' not in series["series"]:
                yield f"{test['name']}: no role's job shows {series['series']}"
    runbook = (HERE / "runbooks" / "alerts.md").read_text("utf-8")
    entries = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", runbook, re.DOTALL | re.MULTILINE))
    alerts = {rule["alert"]: rule for rule in rules()}
    for name, rule in alerts.items():
        if name not in firing:
            yield f"{name}: no test makes it fire"
        if len(entries.get(name, "").strip()) < 80:
            yield f"{name}: its runbook entry does not help"
        if rule["annotations"]["runbook"] != f"runbooks/alerts.md#{name.lower()}":
            yield f"{name}: points to another runbook entry"
    for name in entries.keys() - alerts.keys():
        yield f"{name}: a runbook entry without an alert"


def strip_strings(expression: str) -> str:
    return re.sub(r'"[^"]*"', '""', expression)


def main() -> int:
    found = list(faults())
    sys.stdout.writelines(f"{line}\n" for line in found)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
