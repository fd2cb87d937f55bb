"""What the parts of a mail hold: its bodies, its attachments, and the reports and containers among them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urljoin

from domain.email import Calendar
from mail import leaf, uuencode
from mail.bodies import Selection, declared_name
from mail.calendar import calendar_text, read_calendar
from mail.charsets import decode
from mail.filenames import type_of
from mail.headers import Headers, header_end
from mail.html import to_text
from mail.limits import Limits
from mail.parts import PartList, content_ids, data_images, image_references
from mail.problems import Problems
from mail.protection import Protection
from mail.stub import is_stub
from mail.tnef import SIGNATURE as TNEF_SIGNATURE
from mail.tnef import read_tnef
from mail.tree import Node, Tree, clean_type

_MESSAGE_TYPES = ("message/rfc822", "message/global")
_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
_RETURNED_TYPES = ("text/rfc822-headers", "message/global-headers", *_MESSAGE_TYPES)
_REPORT_TEXT_BYTES = 100_000
_LOCATION_NAME = re.compile(r"(?:^|[^:/]/)([^/?#:]+\.[A-Za-z0-9]{1,5})(?:[?#]|$)")
_BRACKETED = re.compile(r"<([^<>]+)>")
_MAX_LOCATION = 2_000
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,5}$")


@dataclass(slots=True)
class Contents:
    """What the leaves of a tree amount to: bodies by segment, and what reports and Outlook enclose."""

    texts: list[str] = field(default_factory=list)
    htmls: list[str] = field(default_factory=list)
    delivery_status: list[str] = field(default_factory=list)
    disposition: list[str] = field(default_factory=list)
    returned_headers: str | None = None
    is_feedback_report: bool = False
    calendar: Calendar | None = None
    tnef_text: str = ""
    tnef_html: str = ""
    # What the references of the HTML are relative to.
    base: str = ""

    def is_scheduling(self) -> bool:
        """Whether the mail is an invitation or an answer to one (RFC 5546), not one that comes with a calendar file."""
        if self.calendar is None:
            return False
        written = any(text.strip() for text in (*self.texts, *self.htmls))
        return self.calendar.method not in (None, "PUBLISH") or not written


def read_contents(
    selection: Selection, tree: Tree, parts: PartList, problems: Problems, protection: Protection
) -> Contents:
    """Reads every leaf of `selection` once: bodies into the result, everything else into `parts`."""
    contents = Contents()
    for segment in selection.segments:
        plain = [_body(node, tree, parts, problems, protection) for node in segment.plain]
        html = [_body(node, tree, parts, problems, protection) for node in segment.html]
        contents.base = contents.base or next((base for node in segment.html if (base := _base(node))), "")
        # A body that nothing declares may turn out to be HTML.
        html += [(text, is_html) for text, is_html in plain if is_html]
        texts = [text for text, is_html in plain if not is_html]
        htmls = [text for text, _ in html]
        contents.htmls += htmls
        text = _best_text(texts, htmls)
        if texts or not _repeats(text, contents.texts):
            contents.texts.append(text)
    for node in selection.attachments:
        try:
            _read_attachment(node, tree, parts, problems, contents)
        except Exception as error:
            _keep_unread(node, parts, problems, error)
    for node in _opened(tree.root):
        data, _ = leaf.content(node)
        parts.add(declared_name(node), node.type, data)
    return contents


def _opened(root: Node) -> list[Node]:
    """Containers that were opened or read through: kept, since they hold the signature and what was really sent."""
    found, pending = [], [root]
    while pending:
        node = pending.pop()
        if node.children and not node.type.startswith("multipart/"):
            found.append(node)
        pending.extend(node.children)
    return found


def _body(node: Node, tree: Tree, parts: PartList, problems: Problems, protection: Protection) -> tuple[str, bool]:
    try:
        return _read_body(node, tree, parts, problems, protection)
    except Exception as error:
        _keep_unread(node, parts, problems, error)
        return "", False


def _keep_unread(node: Node, parts: PartList, problems: Problems, error: Exception) -> None:
    """One part that a mistake of ours keeps from being read costs neither the mail nor its own bytes."""
    if isinstance(error, MemoryError):
        raise error
    problems.add("part_unread", type(error).__name__)
    parts.add(declared_name(node), node.type, node.source[node.start : node.end])


def _read_body(node: Node, tree: Tree, parts: PartList, problems: Problems, protection: Protection) -> tuple[str, bool]:
    """(text of a body leaf, whether it is HTML); files embedded in it become parts."""
    data, damaged = leaf.content(node)
    if damaged:
        problems.add("damaged_encoding", f"a {node.type} part could not be decoded completely")
    if node.is_html:
        return leaf.text(node, data, tree.hint), True
    if b"begin" in data:
        data = _take_out_files(data, parts, tree.hint)
    text = leaf.text(node, data, tree.hint)
    if "-----BEGIN PGP" in text:
        text, signature = protection.inline(text)
        if signature is not None:
            parts.add("signature.asc", "application/pgp-signature", signature.encode())
    return text, leaf.declares_html(node, text)


def _take_out_files(data: bytes, parts: PartList, hint: str | None) -> bytes:
    files = uuencode.find(data)
    for file in files:
        name = decode(file.name, hint=hint)
        parts.add(name, type_of(name), file.content)
    for file in reversed(files):
        data = data[: file.start] + data[file.end :]
    return data


def _best_text(texts: list[str], htmls: list[str]) -> str:
    """The text of one segment: the sender's own, unless it is missing or only points to the HTML."""
    text = "\n".join(text for text in texts if text.strip())
    if htmls and is_stub(text):
        converted = "\n\n".join(to_text(html) for html in htmls)
        return converted if len(converted.strip()) > len(text.strip()) or not text.strip() else text
    return text


def _repeats(text: str, earlier: list[str]) -> bool:
    """Whether HTML beside a text (where it should be an alternative to it) only says the same again."""
    if not earlier:
        return False
    words = text.split()
    return any(words == other.split() for other in earlier)


def _read_attachment(node: Node, tree: Tree, parts: PartList, problems: Problems, contents: Contents) -> None:
    data, damaged = leaf.content(node)
    if damaged:
        problems.add("damaged_encoding", f"a {node.type} part could not be decoded completely")
    if data.startswith(TNEF_SIGNATURE) and _unpack_tnef(data, parts, problems, contents):
        return
    if node.type == "text/calendar" and contents.calendar is None:
        contents.calendar = read_calendar(leaf.text(node, data, tree.hint), node.parameters.get("method"))
    _note_report(node, data, contents)
    if node.type == "message/partial":
        problems.add("partial_message", "one fragment of a message that was split")
    elif node.type == "message/external-body":
        problems.add("external_body", "a part that is stored elsewhere")
    part = parts.add(_name(node, data), node.type, data, _content_id(node))
    if part is not None:
        part.location = _location(node, "content-location")


def _unpack_tnef(data: bytes, parts: PartList, problems: Problems, contents: Contents) -> bool:
    tnef = read_tnef(data)
    if tnef.damaged:
        problems.add("damaged_tnef", "winmail.dat could not be read completely")
    if not (tnef.files or tnef.text or tnef.html):
        return False
    for file in tnef.files:
        parts.add(file.name, clean_type(file.content_type) or type_of(file.name), file.content, file.content_id)
    contents.tnef_text, contents.tnef_html = tnef.text, tnef.html
    return True


def _note_report(node: Node, data: bytes, contents: Contents) -> None:
    if node.type in _STATUS_TYPES:
        contents.delivery_status.append(decode(data[:_REPORT_TEXT_BYTES]))
    elif node.type == "message/disposition-notification":
        contents.disposition.append(decode(data[:_REPORT_TEXT_BYTES]))
    elif node.type in _RETURNED_TYPES and contents.returned_headers is None:
        _, body = header_end(data, 0, len(data), _REPORT_TEXT_BYTES)
        contents.returned_headers = decode(data[:body])
    elif node.type == "message/feedback-report":
        contents.is_feedback_report = True


def _name(node: Node, data: bytes) -> str:
    name = declared_name(node) or _described_name(node)
    if node.type not in _MESSAGE_TYPES:
        return name
    if not name:
        head = data[:_REPORT_TEXT_BYTES].lstrip()
        _, body = header_end(head, 0, len(head), _REPORT_TEXT_BYTES)
        name = (Headers(head[:body]).get("subject") or "message")[:200].replace("/", "_").replace("\\", "_")
        return f"{name}.eml"
    return name if _EXTENSION.search(name) else f"{name}.eml"


def _described_name(node: Node) -> str:
    """The file name in Content-Location or Content-Description: some senders give no other."""
    location = _LOCATION_NAME.search(node.headers.get("content-location") or "")
    if location:
        return unquote(location[1])
    description = node.headers.get("content-description") or ""
    return description if _EXTENSION.search(description) else ""


def _content_id(node: Node) -> str | None:
    value = node.headers.get("content-id")
    if not value:
        return None
    bracketed = _BRACKETED.search(value)
    return (bracketed[1] if bracketed else value.strip().strip("<>")).strip()[:1_000] or None


def _location(node: Node, field_name: str) -> str:
    """A URI that was folded and quoted at will (RFC 2557 §4.4)."""
    return "".join((node.headers.get(field_name) or "").split()).strip('"<>')[:_MAX_LOCATION]


def _base(node: Node) -> str:
    return _location(node, "content-base") or _location(node, "content-location")


def bodies(contents: Contents, problems: Problems, limits: Limits) -> tuple[str, str]:
    """(text, HTML) of the mail. Without a text of its own it has that of its HTML, else of its invitation."""
    html = "\n".join(html for html in contents.htmls if html.strip()) or contents.tnef_html
    text = "\n".join(text for text in contents.texts if text.strip()) or contents.tnef_text
    if not text.strip() and html:
        text = to_text(html)
    if not text.strip() and contents.calendar is not None:
        text = calendar_text(contents.calendar)
    if len(text) > limits.body_chars or len(html) > limits.body_chars:
        problems.add("body_too_large", f"only the first {limits.body_chars} characters of the body were kept")
    return text[: limits.body_chars], html[: limits.body_chars]


def epilogue_text(root: Node) -> str:
    """Text after the last boundary, for a mail that has no other (RFC 2046 ignores it, mailers put bodies there)."""
    return decode(root.source[root.closings[-1][1] :]).strip() if root.closings else ""


def mark_inline(html: str, base: str, parts: PartList) -> None:
    """Inline is what the HTML refers to; images that it carries in itself become parts.

    What it refers to by Content-Location (RFC 2557), relative to `base`, has that reference as its Content-ID.
    """
    referenced = content_ids(html) if parts.parts else set()
    if referenced:
        for part in parts.parts:
            attachment = part.attachment
            names = ((attachment.content_id or "").lower(), attachment.filename.lower())
            attachment.inline = any(name in referenced for name in names if name)
    located = [part for part in parts.parts if part.location and not part.attachment.inline]
    if located:
        references = {_absolute(base, reference): reference for reference in image_references(html)}
        for part in located:
            reference = references.get(_absolute(base, part.location))
            if reference is not None:
                part.attachment.inline, part.attachment.content_id = True, reference
    for number, image in enumerate(data_images(html), start=1):
        extension = image.content_type.partition("/")[2].partition("+")[0]
        parts.add(f"image-{number}.{extension}", image.content_type, image.content, image.content_id, inline=True)


def _absolute(base: str, reference: str) -> str:
    try:
        return unquote(urljoin(base, reference))
    except ValueError:
        return reference
