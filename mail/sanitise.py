"""HTML of a mail made safe to show inside a page: an allow-list; no scripts, forms, remote loads, no way out."""

from __future__ import annotations

import html as entities
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import nh3

from mail.html import to_text
from mail.parts import data_image
from mail.text import clean


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MAX_CHARS = 2_000_000
# nh3's cost grows with the square of the depth: 20,000 nested elements take seconds, 1,000 some milliseconds.
_MAX_DEPTH = 500

_TAGS = _names(
    "a abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del details dfn "
    "div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nav ol p pre q "
    "rp rt ruby s samp section small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul "
    "var wbr"
)
_DROPPED_WITH_CONTENT = _names(
    "script style title template noembed noframes iframe object embed applet audio video canvas svg math select "
    "textarea xmp plaintext"
)
_CELL = {"align", "valign", "width", "height", "bgcolor", "colspan", "rowspan", "nowrap"}
_ATTRIBUTES = {
    "*": {"style", "title", "dir", "lang"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height", "align", "border"},
    "font": {"color", "face", "size"},
    "table": {"align", "width", "height", "bgcolor", "border", "cellpadding", "cellspacing"},
    "tr": {"align", "valign", "bgcolor", "height"},
    "td": _CELL,
    "th": _CELL,
    "col": {"width", "align", "span"},
    "colgroup": {"width", "align", "span"},
    "ol": {"start", "type"},
    "ul": {"type"},
    "li": {"value"},
    "p": {"align"},
    "div": {"align"},
    "hr": {"width", "size", "align", "color"},
    "h1": {"align"},
    "h2": {"align"},
    "h3": {"align"},
    "blockquote": {"cite", "type"},
    "details": {"open"},
}
_STYLES = _names(
    "background-color border border-bottom border-bottom-color border-bottom-style border-bottom-width border-collapse "
    "border-color border-left border-left-color border-left-style border-left-width border-radius border-right "
    "border-right-color border-right-style border-right-width border-spacing border-style border-top border-top-color "
    "border-top-style border-top-width border-width clear color direction display float font font-family font-size "
    "font-style font-variant font-weight height letter-spacing line-height list-style-type margin margin-bottom "
    "margin-left margin-right margin-top max-height max-width min-height min-width overflow-wrap padding "
    "padding-bottom padding-left padding-right padding-top table-layout text-align text-decoration text-indent "
    "text-transform "
    "vertical-align visibility white-space width word-break word-spacing word-wrap"
)
_LINK_SCHEMES = frozenset({"http", "https", "mailto", "tel"})
# Anything that could load, run, or hide its meaning behind an escape.
_UNSAFE_STYLE = re.compile(r"url|image|expression|import|@|\\|/\*|var\s*\(|attr\s*\(|behaviou?r|-moz-binding", re.I)
# Negative lengths and huge ones are how a mail draws over the page around it.
_OVERFLOWING = re.compile(r"[:\s(]-\s*[\d.]|\d{5,}")

_REMOTE = "postroom-remote:"
_BLANK = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
_REMOTE_SRC = re.compile(r'(<img(?: [\w-]+="[^"]*")*?) src="' + _REMOTE + r'([^"]*)"')
_LINK = re.compile(r'<a((?: [\w-]+="[^"]*")*) href="([^"]*)"((?: [\w-]+="[^"]*")*)>(.{0,2000}?)</a>', re.S)
_TAG = re.compile(r"<[^>]*>")
_LOOKS_LIKE_HOST = re.compile(r"(?:https?://)?((?:[\w-]+\.)+[a-z]{2,24})(?=[/:?#\s]|$)", re.I)
_OPEN_OR_CLOSE = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_VOID = _names("area base br col embed hr img input link meta param source track wbr")


@dataclass(frozen=True, slots=True)
class SafeHtml:
    """`html` may be put into a page as it is. Remote images are `<img data-remote-src="URL">`, `remote_images` of them.

    `shortened` says that the mail was too large or too deeply nested to be shown whole or with its layout.
    """

    html: str
    remote_images: int = 0
    shortened: bool = False


def sanitise(html: str, *, cid_url: Callable[[str], str | None]) -> SafeHtml:
    """`html` reduced to the allow-list.

    `cid_url` gives the URL of the attachment with a Content-ID (without brackets), or None where there is none;
    a `data:` image is asked for by the id that `mail.parts.data_image` derives from its bytes. Links open in a new
    window without a referrer, carry their real address as title, and a text that names another host than the link
    goes to is followed by the real one. Never raises.
    """
    shortened = len(html) > _MAX_CHARS
    html = clean(html[:_MAX_CHARS])
    if _too_deep(html):
        return SafeHtml(f"<pre>{entities.escape(to_text(html))}</pre>", shortened=True)
    safe = nh3.clean(
        html,
        tags=set(_TAGS),
        clean_content_tags=set(_DROPPED_WITH_CONTENT),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        attribute_filter=_filter(cid_url),
        url_schemes={*_LINK_SCHEMES, "cid", "data"},
        filter_style_properties=set(_STYLES),
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    safe, remote = _REMOTE_SRC.subn(rf'\1 src="{_BLANK}" data-remote-src="\2"', safe)
    return SafeHtml(_LINK.sub(_visible_link, safe), remote, shortened)


def _filter(cid_url: Callable[[str], str | None]) -> Callable[[str, str, str], str | None]:
    def keep(tag: str, name: str, value: str) -> str | None:
        if name == "style":
            return _safe_style(value)
        if name == "href":
            return value if value.partition(":")[0].strip().lower() in _LINK_SCHEMES and ":" in value else None
        if name == "src":
            return _image_source(value.strip(), cid_url)
        if name in ("cite", "open", "title") and tag == "a":
            return None
        return None if name == "cite" else value

    return keep


def _safe_style(value: str) -> str | None:
    if not (_UNSAFE_STYLE.search(value) or _OVERFLOWING.search(value)):
        return value
    kept = (part for part in value.split(";") if not (_UNSAFE_STYLE.search(part) or _OVERFLOWING.search(part)))
    return ";".join(kept) or None


def _image_source(source: str, cid_url: Callable[[str], str | None]) -> str | None:
    lowered = source[:10].lower()
    if lowered.startswith("cid:"):
        return cid_url(source[4:].strip("<>"))
    if lowered.startswith("data:"):
        image = data_image(source)
        return cid_url(image.content_id) if image is not None else None
    attached = cid_url(source)
    if attached is not None:
        # By its Content-Location.
        return attached
    if lowered.startswith("//"):
        return f"{_REMOTE}https:{source}"
    return _REMOTE + source if lowered.startswith(("http://", "https://")) else None


def _visible_link(match: re.Match[str]) -> str:
    before, target, after, text = match.groups()
    opening = f'<a{before} href="{target}"{after} title="{target}">'
    shown = _LOOKS_LIKE_HOST.match(entities.unescape(_TAG.sub("", text)).strip())
    host = _host(entities.unescape(target))
    if shown is None or not host or _same_site(shown[1].lower(), host):
        return f"{opening}{text}</a>"
    return f"{opening}{text}</a> [{entities.escape(host)}]"


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").lower() if parts.scheme in ("http", "https") else ""
    except ValueError:
        return ""


def _same_site(shown: str, host: str) -> bool:
    shown, host = shown.removeprefix("www."), host.removeprefix("www.")
    return shown == host or host.endswith("." + shown)


def _too_deep(html: str) -> bool:
    if html.count("<") - html.count("</") <= _MAX_DEPTH:
        return False
    depth = 0
    for match in _OPEN_OR_CLOSE.finditer(html):
        if match[2].lower() in _VOID:
            continue
        depth = max(0, depth - 1) if match[1] else depth + 1
        if depth > _MAX_DEPTH:
            return True
    return False
