"""The API does what its document says: for requests that follow the document, and for ones that break it.

Schemathesis makes both from the document. What an operation answers must be described there, with its media type and
its schema; nothing may be a server error; what breaks the document must be refused. That everything which follows it
is taken cannot be asked: no schema says which cursor is ours, or which pattern compiles.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import hypothesis
import pytest
import pytest_asyncio
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from console.api.openapi import document
from tests.integration.console.site import Site
from tests.integration.console.world import World, open_world

# Each example is a request; there are two kinds of them for each operation.
EXAMPLES = 6
SETTINGS = hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
SCHEMA: Any = schemathesis.openapi.from_dict(document())
OPERATIONS = [result.ok() for result in SCHEMA.get_all_operations()]


@pytest_asyncio.fixture(scope="module")
async def world(shared_site: Site) -> AsyncIterator[World]:
    yield await open_world(shared_site)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
async def test_it_keeps_to_its_document(world: World, operation: Any) -> None:
    headers = {"Authorization": str(world.api.headers["Authorization"])}
    known = world.ids.get(operation.path.split("/")[1])

    def check(mode: GenerationMode) -> None:
        @SETTINGS
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Any) -> None:
            # Half of the requests are about something that exists.
            if known is not None and mode is GenerationMode.POSITIVE and "id" in (case.path_parameters or {}):
                case.path_parameters["id"] = known
            response = case.call(base_url=f"{world.site.url}/api/v1", headers=headers)
            case.validate_response(response, headers=headers, excluded_checks=[positive_data_acceptance])

        send()

    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        # In a thread of its own: the server is in this one.
        await asyncio.to_thread(check, mode)
