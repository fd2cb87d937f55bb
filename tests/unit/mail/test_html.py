"""HTML as the text that a reader sees."""

from __future__ import annotations

import time

import pytest

from mail.html import looks_like_html, to_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One<br>two</p><p>Three</p>", "One\ntwo\n\nThree"),
        ("<div>a</div><div>b</div><div><br></div><div>c</div>", "a\nb\n\nc"),
        ("<p>soft\nwrapped\nlines</p>", "soft wrapped lines"),
        ("<p class=MsoNormal>One</p><p class=MsoNormal>&nbsp;</p><p class=MsoNormal>Two</p>", "One\n\nTwo"),
        ("<table><tr><td>Name</td><td>Ada</td></tr></table>", "Name\t\tAda"),
        ("<head><title>T</title><style>p{}</style></head><p>x<script>y</script></p>", "x"),
        ("&eacute; &lt;tag&gt; &amp;amp; &#128512;", "é <tag> &amp; 😀"),
        ('Yes <img src="cid:x" alt="👍">', "Yes 👍"),
        ('<div style="display:none">Preview line</div><p>Body</p>', "Body"),
        ('<div style="display:none">All that there is</div>', "All that there is"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("<ul><li>a</li><li>b<ol><li>c</li></ol></li></ul>d", "  • a\n  • b\n    1. c\nd"),
        ("<ul><li><p>a</p></li><li>b<br>more</li></ul>", "  • a\n\n  • b\n    more"),
        ("<table><tr><td>&nbsp;</td><td>a</td><td></td></tr></table>", "a"),
        ('<p style="white-space:pre-wrap">a\n  b</p>', "a\n  b"),
        ('<img alt="a > b" src="x"> c', "a > b c"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("<!--[if mso]><table><tr><td>Outlook</td></tr></table><![endif]--><p>All</p>", "All"),
        ("<!--[if !mso]><!--><p>All</p><!--<![endif]-->", "All"),
        ("<style>td > p { color: red }</style>Red", "Red"),
        ("<table><tr><td><div hidden>Preview<p>line</td><td>Body</td></tr></table>", "Body"),
        ('<p class="hidden" style="overflow:hidden">Shown</p>', "Shown"),
        ("<button>Open</button> <label>Name</label>", "Open Name"),
        ("　日本語　です", "　日本語　です"),
        ("no tags at all", "no tags at all"),
        ("", ""),
    ],
)
def test_text_of_html(html: str, text: str) -> None:
    assert to_text(html) == text


@pytest.mark.parametrize(
    "piece",
    ["<div>", "<", ">", "&", "<!--", "<style>", "<p hidden>", "<td style=display:none>", "<pre>", "<ul><li>", "<a '>",
     '<img alt="', "<p hidden>x</p>", "&lt;&copy;", " \n"],
)  # fmt: skip
def test_no_html_takes_long(piece: str) -> None:
    html = piece * (1_000_000 // len(piece))
    started = time.process_time()
    to_text(html)
    assert time.process_time() - started < 3.0


def test_only_documents_look_like_html() -> None:
    assert looks_like_html("\n <!DOCTYPE html><html>")
    assert looks_like_html('<?xml version="1.0"?>\n<!-- made by hand -->\n<html>')
    assert not looks_like_html("I like <b>HTML</b>")
