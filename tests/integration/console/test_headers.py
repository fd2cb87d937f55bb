"""Strict headers on every answer: pages, files, redirects, refusals, the API's too."""

from __future__ import annotations

from dataclasses import replace

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from console.application import make_application
from console.calls import SERVICES
from tests.integration.console.site import Site

PATHS = (
    "/login", "/", "/nothing/here", "/static/style.css", "/login/unknown", "/password/unknown", "/login/oidc",
    "/api/v1/openapi.json", "/api/v1/tickets", "/api/v1/nothing",
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_is_strict(shared_site: Site, path: str) -> None:
    http = await shared_site.browser()
    async with http.get(path, allow_redirects=False) as response:
        headers = response.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "Server" not in headers
    assert ("no-store" in headers["Cache-Control"]) == (not path.startswith("/static/"))
    assert "Strict-Transport-Security" not in headers  # the console of the tests is reached over plain http


async def test_over_tls_browsers_are_told_to_stay_there(shared_site: Site) -> None:
    services = replace(shared_site.server.app[SERVICES], public_url="https://mail.example.com")
    async with (
        TestServer(make_application(services, shared_site.delivery), host="127.0.0.1") as server,
        aiohttp.ClientSession(server.make_url("/")) as http,
        http.get("/login") as response,
    ):
        assert response.headers["Strict-Transport-Security"].startswith("max-age=")
