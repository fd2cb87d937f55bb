"""Lists and searches never hold another tenant's things; single ids are `test_every_route`'s."""

from __future__ import annotations

from tests.integration.console.site import Site
from tests.integration.console.world import open_world


async def test_lists_and_searches_hold_ones_own_only(site: Site) -> None:
    await open_world(site)
    owner, http = await site.person("owner"), await site.api("read")
    for path in ("/", "/tickets", "/tickets?q=Theirs", "/find", "/find?q=Theirs", "/find?q=alice@example.com"):
        status, page = await owner.get(path)
        assert status == 200
        assert "<b>Theirs</b>" not in page
    for path in ("tickets", "emails", "tasks"):
        async with http.get(path) as response:
            assert (await response.json())["items"] == []
    async with http.get("mailboxes") as response:
        assert [m["address"] for m in (await response.json())["items"]] == ["support@postroom.test"]
