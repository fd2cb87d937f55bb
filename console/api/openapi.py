"""The OpenAPI 3.1 document, generated from the operations and their models."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from console.api.idempotency import HEADER, PATTERN
from console.api.models import ProblemDetails
from console.api.operations import OPERATIONS, Operation

_REF = "#/components/schemas/{model}"
_ERRORS = {
    400: "A parameter is unknown or wrong",
    401: "No valid bearer token",
    403: "The token's scope does not reach this far",
    404: "Nothing with this id in this tenant",
    409: "Somebody else came first, or the thing is not in a state for this",
    503: "Temporal or a worker cannot be reached; nothing was changed",
    413: "The body is too large",
    422: "The body is not what this operation takes, or its key was used for another request",
}


def document() -> dict[str, Any]:
    """The whole document, ready for JSON."""
    models = {ProblemDetails, *filter(None, (m for o in OPERATIONS for m in (o.response, o.body)))}
    inputs = [(model, "validation" if model in _bodies() else "serialization") for model in models]
    ordered = sorted(inputs, key=lambda pair: pair[0].__name__)
    names, schemas = models_json_schema(ordered, ref_template=_REF)  # type: ignore[arg-type]
    refs = {model: schema for (model, _), schema in names.items()}
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "postroom",
            "version": "1",
            "description": "Tickets, messages and questions. Send `Authorization: Bearer pr_…`.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _bodies() -> set[type[BaseModel]]:
    return {operation.body for operation in OPERATIONS if operation.body is not None}


def _operation(operation: Operation, refs: dict[Any, Any]) -> dict[str, Any]:
    errors = {401, 403, *operation.errors}
    if operation.query is not None:
        errors.add(400)
    if "{" in operation.path:
        errors.add(404)
    if operation.method == "POST":
        errors |= {400, 409, 422}
    if operation.method != "GET":
        errors.add(413)
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"Needs a token of scope `{operation.scope}`.",
        "parameters": _parameters(operation),
        "responses": {
            "200": {"description": operation.summary, "content": _content(operation, refs)},
            **{
                str(status): {
                    "description": _ERRORS[status],
                    "content": {"application/problem+json": {"schema": refs[ProblemDetails]}},
                }
                for status in sorted(errors)
            },
        },
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": refs[operation.body]}},
        }
    return described


def _content(operation: Operation, refs: dict[Any, Any]) -> dict[str, Any]:
    if operation.response is None:
        return {"*/*": {"schema": {"type": "string", "format": "binary"}}}
    return {"application/json": {"schema": refs[operation.response]}}


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    in_path: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", operation.path)
    ]
    if operation.method == "POST":
        in_path.append(
            {
                "name": HEADER,
                "in": "header",
                "required": False,
                "description": "Sent again within 24 hours, the request gets the first one's answer and happens once.",
                "schema": {"type": "string", "pattern": PATTERN},
            }
        )
    if operation.query is None:
        return in_path
    properties = operation.query.model_json_schema()["properties"]
    return in_path + [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": schema.get("description", ""),
            "schema": {key: value for key, value in schema.items() if key not in ("description", "title")},
        }
        for name, schema in properties.items()
    ]
