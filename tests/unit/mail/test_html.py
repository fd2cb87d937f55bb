"""HTML as the text that a reader sees."""

from __future__ import annotations

import pytest

from mail.html import looks_like_html, strip_tags, to_text


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
        ("no tags at all", "no tags at all"),
        ("", ""),
    ],
)
def test_text_of_html(html: str, text: str) -> None:
    assert to_text(html) == text


def test_tags_are_stripped_from_what_no_parser_reads() -> None:
    assert strip_tags("<style>p{}</style><b>One</b> &amp;<br>two</p>") == "One &\ntwo"


def test_only_documents_look_like_html() -> None:
    assert looks_like_html("\n <!DOCTYPE html><html>")
    assert not looks_like_html("I like <b>HTML</b>")
