"""The OpenAPI document describes exactly the operations that exist."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from console.api.openapi import document
from console.api.operations import OPERATIONS


def test_every_operation_is_described_and_nothing_else() -> None:
    described = {(method.upper(), path) for path, methods in document()["paths"].items() for method in methods}
    assert described == {(operation.method, operation.path) for operation in OPERATIONS}


def test_operation_ids_are_unique() -> None:
    names = [operation.name for operation in OPERATIONS]
    assert len(set(names)) == len(names)


def test_every_reference_leads_somewhere() -> None:
    whole = document()
    references = list(_references(whole))
    assert references
    for reference in references:
        target: Any = whole
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]
        assert target


def test_lists_are_pages_and_failures_are_problems() -> None:
    whole = document()
    schemas = whole["components"]["schemas"]
    tickets = whole["paths"]["/tickets"]["get"]
    page = tickets["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert set(schemas[page]["required"]) == {"items", "next"}
    assert {"cursor", "limit", "q", "status", "tag"} <= {parameter["name"] for parameter in tickets["parameters"]}
    for methods in whole["paths"].values():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                assert status == "200" or "application/problem+json" in response["content"]


def test_it_is_json() -> None:
    assert json.loads(json.dumps(document()))["openapi"].startswith("3.1")


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
