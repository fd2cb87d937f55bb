"""What is chosen about mailboxes is kept, leads somewhere, and ends with them."""

from __future__ import annotations

import re

from storage import people
from tests.integration.console.site import Site
from tests.integration.console.test_mailboxes import imap_draft, sql


async def test_the_day_from_which_on_mail_is_read_is_never_ignored(site: Site) -> None:
    person, path = await site.person("admin"), await imap_draft(site)
    await person.post(f"{path}/access", {"host": "imap.example.com", "password": "secret"})
    async with site.db.tenant(site.tenant.tenant_id) as session:
        chosen = str(await people.add_defaults(session, site.tenant.tenant_id, "Sales", "Sales"))
    when = "select state, settings from mailboxes where tenant_id = $1 and address = 'help@example.org'"
    # A day that has not come: what was chosen is still chosen when the page asks again.
    form = {"from": "day", "since": "2999-01-01", "defaults": chosen}
    status, page = await person.post(f"{path}/start", form)
    assert status == 422
    assert re.search(r'<input type="radio" name="from" value="day" checked', page)
    assert not re.search(r'<input type="radio" name="from" value="now" checked', page)
    assert f'<option value="{chosen}" selected>' in page
    assert 'value="2999-01-01"' in page
    # A day beside “from now on”: one of the two is meant, and the page asks which.
    status, page = await person.post(f"{path}/start", {"from": "now", "since": "2026-01-01", "defaults": chosen})
    assert (status, "choose “Also what came since a day”" in page) == (422, True)
    assert (await site.row(when))["state"] == "draft"
    await person.post(f"{path}/start", {"from": "day", "since": "2026-01-01", "defaults": chosen})
    row = await site.row(when)
    assert (row["state"], row["settings"]["since"]) == ("active", "2026-01-01")


async def test_a_mailbox_without_defaults_leads_to_where_they_are_chosen(site: Site) -> None:
    await sql(site, "update mailboxes set last_sync_at = now(), defaults_id = null")
    person = await site.person("admin")
    _, page = await person.get(f"/mailboxes/{site.tenant.mailbox_id}")
    assert '<a class="button" href="/defaults#mailboxes">Choose its defaults</a>' in page
    _, page = await person.get("/defaults")
    assert f'action="/mailboxes/{site.tenant.mailbox_id}/defaults"' in page


async def test_a_removed_mailbox_is_offered_nowhere(site: Site) -> None:
    person, address = await site.person("admin"), "support@postroom.test"
    paths = ("/defaults", "/policies", "/rule-tester", "/find", "/tickets")
    for path in paths:
        assert address in (await person.get(path))[1], path
    await sql(site, "update mailboxes set state = 'removed', defaults_id = null")
    for path in paths:
        assert address not in (await person.get(path))[1], path
    assert (await person.get(f"/mailboxes/{site.tenant.mailbox_id}/policy"))[0] == 404
    form = {"mailbox": str(site.tenant.mailbox_id), "from": "a@example.com", "subject": "s", "body": "b"}
    assert (await person.post(f"/mailboxes/{site.tenant.mailbox_id}/defaults", form))[0] == 404
