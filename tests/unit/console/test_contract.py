"""What the console's routes, the API's operations, its document and its description promise each other."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import BaseModel

import console
from console.api.application import make_api
from console.api.idempotency import HEADER
from console.api.openapi import document
from console.api.operations import OPERATIONS, Operation
from console.api.problems import KINDS, Problem
from console.routes import ROUTES, Page
from storage.access import Role
from storage.api_tokens import Scope

DOCS = Path(console.__file__).parents[1] / "docs" / "api.md"
# A person's own sessions and password, of which a token has none; and a consent, which a browser brings back.
OF_PEOPLE_ONLY = {
    "POST /oauth/callback",
    "POST /logout",
    "POST /account/password",
    "POST /account/sign-out",
    "POST /account/sessions/{id}/end",
}


def is_page(operation: Operation) -> bool:
    response = operation.response
    return isinstance(response, type) and issubclass(response, BaseModel) and set(response.model_fields) == {
        "items", "next",
    }  # fmt: skip


def test_the_document_describes_the_routes_that_exist() -> None:
    api = make_api(cast("Any", SimpleNamespace()), cast("Any", SimpleNamespace()))
    served = {
        (route.method, route.resource.canonical)
        for route in api.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    described = {(method.upper(), path) for path, methods in document()["paths"].items() for method in methods}
    assert described == served - {("GET", "/openapi.json")}


def test_whatever_the_console_changes_or_notes_the_api_does_too() -> None:
    operations = {operation.name: operation for operation in OPERATIONS}
    for route in ROUTES:
        if isinstance(route, Page) and route.audit:
            key = f"{route.method} {route.path}"
            assert (route.api in operations) == (key not in OF_PEOPLE_ONLY), key


def test_a_token_reaches_no_further_than_the_role_that_it_stands_for() -> None:
    needed: dict[Role, Scope] = {"viewer": "read", "agent": "write", "admin": "admin", "owner": "admin"}
    operations = {operation.name: operation for operation in OPERATIONS}
    for route in ROUTES:
        if isinstance(route, Page) and route.audit and route.api in operations:
            assert operations[route.api].scope == needed[route.role], route.path


@pytest.mark.parametrize(
    "operation", [o for o in OPERATIONS if o.method == "GET" and is_page(o)], ids=lambda o: str(o.path)
)
def test_every_list_has_pages(operation: Operation) -> None:
    assert operation.query is not None
    assert {"cursor", "limit"} <= set(operation.query.model_fields)


def test_every_post_takes_an_idempotency_key() -> None:
    for path, methods in document()["paths"].items():
        names = {parameter["name"] for parameter in methods.get("post", {}).get("parameters", [{"name": HEADER}])}
        assert HEADER in names, path


def test_every_change_needs_more_than_a_reading_token() -> None:
    for operation in OPERATIONS:
        if operation.audit:
            assert operation.scope != "read", operation.name


def test_every_problem_has_a_stable_type_that_is_explained() -> None:
    explained = set(re.findall(r"^\| `([a-z-]+)` \| \d", DOCS.read_text("utf-8"), re.MULTILINE))
    assert explained == set(KINDS)
    used = {
        kind
        for path in Path(console.__file__).parent.rglob("*.py")
        for kind in re.findall(r'kind="([a-z-]+)"', path.read_text("utf-8"))
        if "api" in path.parts
    }
    assert used <= set(KINDS)
    for kind, status in KINDS.items():
        assert Problem(status, "x", kind=kind).kind == kind
