"""Raw bytes to a parsed email. The one public entry: `parse`, which never raises.

Stages: source → MIME tree → bodies and attachments → what they mean (reply, forward, bounce, kind, authentication).
Each stage that fails leaves a problem and what the others could read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from domain.email import Authentication, Bounce, Calendar, Forwarded, ParsedEmail
from mail import leaf, pgp, smime, uuencode
from mail.authentication import read_results
from mail.bodies import Selection, declared_name, select
from mail.bounce import read_bounce
from mail.calendar import calendar_text, read_calendar
from mail.charsets import decode
from mail.envelope import read_envelope
from mail.filenames import type_of
from mail.forward import find_forwarded
from mail.headers import Headers, header_end
from mail.html import to_text
from mail.kind import Kind, classify
from mail.limits import DEFAULT, Limits
from mail.parts import Part, PartList, content_ids, data_images
from mail.problems import Problems
from mail.reply import Reply, extract_reply
from mail.source import OLE_SIGNATURE, prepare
from mail.stub import is_stub
from mail.tnef import SIGNATURE as TNEF_SIGNATURE
from mail.tnef import read_tnef
from mail.tree import Node, Tree

_MESSAGE_TYPES = ("message/rfc822", "message/global")
_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
_RETURNED_TYPES = ("text/rfc822-headers", "message/global-headers", *_MESSAGE_TYPES)
_PKCS7_TYPES = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_REPORT_TEXT_BYTES = 100_000
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,5}$")

T = TypeVar("T")


@dataclass(slots=True)
class Parsed:
    """A parsed email and, in `parts`, the bytes of `email.attachments` in the same order."""

    email: ParsedEmail
    parts: list[Part]


def parse(
    raw: bytes,
    *,
    known_texts: Sequence[str] = (),
    received_at: datetime | None = None,
    limits: Limits = DEFAULT,
) -> Parsed:
    """Reads one message (RFC 5322, MIME). Never raises: whatever goes wrong is in `email.problems`.

    `known_texts` are bodies of the mails this one may answer; they are taken out of `reply_text` first.
    `received_at` (aware) stands for a date that cannot be read. Every leaf of the MIME tree is once a body or a part.
    """
    problems = Problems()
    try:
        return _parse(raw, known_texts, received_at, limits, problems)
    except Exception as error:
        code = "parser_memory" if isinstance(error, MemoryError) else "parser_error"
        problems.add(code, type(error).__name__)
        return Parsed(salvage(raw, problems, received_at, limits), [])


def salvage(raw: bytes, problems: Problems, received_at: datetime | None, limits: Limits = DEFAULT) -> ParsedEmail:
    """What the headers alone say, when the whole could not be parsed. `raw` may be cut off anywhere."""
    try:
        _, body = header_end(raw, 0, len(raw), limits.header_bytes)
        fields = read_envelope(Headers(raw[:body]), received_at, limits, problems)
    except Exception as error:
        problems.add("headers_unreadable", type(error).__name__)
        fields = {}
    return ParsedEmail(**fields, problems=problems.as_list())


@dataclass(slots=True)
class _Contents:
    """What the leaves of a tree amount to."""

    texts: list[str] = field(default_factory=list)
    htmls: list[str] = field(default_factory=list)
    delivery_status: list[str] = field(default_factory=list)
    returned_headers: str | None = None
    is_feedback_report: bool = False
    calendar: Calendar | None = None
    tnef_text: str = ""
    tnef_html: str = ""


def _parse(
    raw: bytes, known_texts: Sequence[str], received_at: datetime | None, limits: Limits, problems: Problems
) -> Parsed:
    source = prepare(raw, limits, problems)
    parts = PartList(limits, problems)
    if source.startswith(OLE_SIGNATURE):
        problems.add("not_a_mail", "an Outlook .msg file, not a mail")
        part = parts.add("message.msg", "application/vnd.ms-outlook", source)
        attachments = [part.attachment] if part else []
        return Parsed(ParsedEmail(date=received_at, attachments=attachments, problems=problems.as_list()), parts.parts)
    if not source or source.isspace():
        problems.add("empty", "the mail has no content")
    tree = Tree(source, limits)
    root = tree.root
    _open_signatures(tree, problems)
    selection = select(root)
    contents = _read_contents(selection, tree, parts, problems)
    problems.update(tree.problems)
    text, html = _bodies(contents, problems, limits)
    if not text.strip() and not html.strip():
        text = _epilogue_text(root)
    _mark_inline(html, parts)
    email = ParsedEmail(
        **read_envelope(root.headers, received_at, limits, problems),
        text=text,
        html=html,
        calendar=contents.calendar,
    )
    _interpret(email, root, contents, known_texts, problems)
    email.attachments = [part.attachment for part in parts.parts]
    email.problems = problems.as_list()
    return Parsed(email, parts.parts)


def _open_signatures(tree: Tree, problems: Problems) -> None:
    """Opaque S/MIME signatures are read through; what only a key opens is flagged."""
    for node in list(tree.root.leaves()):
        if node.type in _PKCS7_TYPES:
            data, _ = leaf.content(node)
            inner = smime.signed_content(data)
            if inner is not None:
                tree.graft(node, inner)
            elif smime.is_enveloped(data) or "enveloped" in node.parameters.get("smime-type", ""):
                problems.add("encrypted", "S/MIME")
        elif node.parent_type == "multipart/encrypted":
            problems.add("encrypted", "OpenPGP")


def _read_contents(selection: Selection, tree: Tree, parts: PartList, problems: Problems) -> _Contents:
    contents = _Contents()
    for segment in selection.segments:
        plain = [_read_body(node, tree, parts, problems) for node in segment.plain]
        html = [_read_body(node, tree, parts, problems) for node in segment.html]
        # A body that nothing declares may turn out to be HTML.
        html += [(text, is_html) for text, is_html in plain if is_html]
        texts = [text for text, is_html in plain if not is_html]
        htmls = [text for text, _ in html]
        contents.htmls += htmls
        text = _best_text(texts, htmls)
        if texts or not _repeats(text, contents.texts):
            contents.texts.append(text)
    for node in selection.attachments:
        _read_attachment(node, tree, parts, problems, contents)
    for node in _opened(tree.root):
        data, _ = leaf.content(node)
        parts.add(declared_name(node), node.type, data)
    return contents


def _opened(root: Node) -> list[Node]:
    """S/MIME containers that were read through: kept, since they hold the signature."""
    found, pending = [], [root]
    while pending:
        node = pending.pop()
        if node.children and node.type in _PKCS7_TYPES:
            found.append(node)
        pending.extend(node.children)
    return found


def _read_body(node: Node, tree: Tree, parts: PartList, problems: Problems) -> tuple[str, bool]:
    """(text of a body leaf, whether it is HTML); files embedded in it become parts."""
    data, damaged = leaf.content(node)
    if damaged:
        problems.add("damaged_encoding", f"a {node.type} part could not be decoded completely")
    if node.type == "text/html":
        return leaf.text(node, data, tree.hint), True
    if b"begin" in data:
        data = _take_out_files(data, parts, tree.hint)
    text = leaf.text(node, data, tree.hint)
    if "-----BEGIN PGP" in text:
        text = _read_pgp(text, parts, problems)
    return text, leaf.declares_html(node, text)


def _take_out_files(data: bytes, parts: PartList, hint: str | None) -> bytes:
    files = uuencode.find(data)
    for file in files:
        name = decode(file.name, hint=hint)
        parts.add(name, type_of(name), file.content)
    for file in reversed(files):
        data = data[: file.start] + data[file.end :]
    return data


def _read_pgp(text: str, parts: PartList, problems: Problems) -> str:
    if pgp.is_encrypted(text):
        problems.add("encrypted", "OpenPGP")
        return text
    signed = pgp.signed_text(text)
    if signed is None:
        return text
    content, armor = signed
    parts.add("signature.asc", "application/pgp-signature", armor.encode())
    return content


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


def _read_attachment(node: Node, tree: Tree, parts: PartList, problems: Problems, contents: _Contents) -> None:
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
    parts.add(_name(node, data), node.type, data, _content_id(node))


def _unpack_tnef(data: bytes, parts: PartList, problems: Problems, contents: _Contents) -> bool:
    tnef = read_tnef(data)
    if tnef.damaged:
        problems.add("damaged_tnef", "winmail.dat could not be read completely")
    if not (tnef.files or tnef.text or tnef.html):
        return False
    for file in tnef.files:
        parts.add(file.name, file.content_type or type_of(file.name), file.content, file.content_id)
    contents.tnef_text, contents.tnef_html = tnef.text, tnef.html
    return True


def _note_report(node: Node, data: bytes, contents: _Contents) -> None:
    if node.type in _STATUS_TYPES:
        contents.delivery_status.append(decode(data[:_REPORT_TEXT_BYTES]))
    elif node.type in _RETURNED_TYPES and contents.returned_headers is None:
        _, body = header_end(data, 0, len(data), _REPORT_TEXT_BYTES)
        contents.returned_headers = decode(data[:body])
    elif node.type == "message/feedback-report":
        contents.is_feedback_report = True


def _name(node: Node, data: bytes) -> str:
    name = declared_name(node)
    if node.type not in _MESSAGE_TYPES:
        return name
    if not name:
        _, body = header_end(data, 0, len(data), _REPORT_TEXT_BYTES)
        name = (Headers(data[:body]).get("subject") or "message")[:200].replace("/", "_").replace("\\", "_")
        return f"{name}.eml"
    return name if _EXTENSION.search(name) else f"{name}.eml"


def _content_id(node: Node) -> str | None:
    value = node.headers.get("content-id")
    return value.strip().strip("<>").strip()[:1_000] or None if value else None


def _bodies(contents: _Contents, problems: Problems, limits: Limits) -> tuple[str, str]:
    html = "\n".join(html for html in contents.htmls if html.strip()) or contents.tnef_html
    text = "\n".join(text for text in contents.texts if text.strip()) or contents.tnef_text
    if not text.strip() and html:
        text = to_text(html)
    if not text.strip() and contents.calendar is not None:
        text = calendar_text(contents.calendar)
    if len(text) > limits.body_chars or len(html) > limits.body_chars:
        problems.add("body_too_large", f"only the first {limits.body_chars} characters of the body were kept")
    return text[: limits.body_chars], html[: limits.body_chars]


def _epilogue_text(root: Node) -> str:
    """Text after the last boundary, for a mail that has no other (RFC 2046 ignores it, mailers put bodies there)."""
    return decode(root.source[root.closings[-1][1] :]).strip() if root.closings else ""


def _mark_inline(html: str, parts: PartList) -> None:
    """Inline is what the HTML refers to; images that it carries in itself become parts."""
    referenced = content_ids(html) if parts.parts else set()
    if referenced:
        for part in parts.parts:
            attachment = part.attachment
            names = ((attachment.content_id or "").lower(), attachment.filename.lower())
            attachment.inline = any(name in referenced for name in names if name)
    for number, image in enumerate(data_images(html), start=1):
        extension = image.content_type.partition("/")[2].partition("+")[0]
        parts.add(f"image-{number}.{extension}", image.content_type, image.content, image.content_id, inline=True)


def _interpret(
    email: ParsedEmail, root: Node, contents: _Contents, known_texts: Sequence[str], problems: Problems
) -> None:
    headers = root.headers
    report_type = root.parameters.get("report-type", "").lower() or None
    is_dsn = bool(contents.delivery_status) or report_type == "delivery-status"

    def bounce() -> Bounce | None:
        return read_bounce(
            headers,
            delivery_status=contents.delivery_status,
            returned_headers=contents.returned_headers,
            text=email.text,
            is_dsn_multipart=is_dsn,
        )

    def kind() -> Kind:
        return classify(
            headers,
            content_type=root.type,
            report_type=report_type,
            from_=email.from_,
            subject=email.subject,
            text=email.text,
            has_calendar=contents.calendar is not None,
            bounce=email.bounce,
            is_feedback_report=contents.is_feedback_report or report_type == "feedback-report",
        )

    def reply() -> Reply:
        return extract_reply(email.text, email.html, known_texts, email.subject)

    def forwarded() -> Forwarded | None:
        return find_forwarded(email.subject, email.text, email.html)

    def authentication() -> list[Authentication]:
        return read_results(headers)

    email.bounce = _guarded(bounce, problems, "bounce_unread")
    found = _guarded(kind, problems, "kind_unread")
    if found is not None:
        email.kind, email.kind_evidence = found.kind, found.evidence
    answer = _guarded(reply, problems, "reply_unread")
    email.reply_text = answer.text if answer is not None else email.text
    email.reply_confidence = answer.confidence if answer is not None else 0.0
    email.forwarded = _guarded(forwarded, problems, "forward_unread")
    email.authentication = _guarded(authentication, problems, "authentication_unread") or []


def _guarded(stage: Callable[[], T], problems: Problems, code: str) -> T | None:
    try:
        return stage()
    except Exception as error:
        problems.add(code, type(error).__name__)
        return None
