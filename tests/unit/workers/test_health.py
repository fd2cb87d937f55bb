"""What a process tells of itself, and whom."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from workers import health


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
async def test_only_who_comes_straight_learns_more_than_live(header: str) -> None:
    application = web.Application()
    application.add_routes(health.routes({}))
    async with TestClient(TestServer(application)) as client:
        for path, through_a_proxy in (("/health/live", 200), ("/health/ready", 404), ("/metrics", 404)):
            assert (await client.get(path)).status == 200
            assert (await client.get(path, headers={header: "for=192.0.2.1"})).status == through_a_proxy
