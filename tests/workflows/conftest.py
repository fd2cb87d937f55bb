"""Each test has a server of its own, so that its clock is its own too: starting one takes a quarter of a second."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.workflows.stage import Stage, time_skipping, working


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with time_skipping() as env, working(env) as stage:
        yield stage
