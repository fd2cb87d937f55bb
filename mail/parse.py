"""Raw bytes to a parsed email. The one public entry: `parse`, which never raises.

Stages: source → MIME tree → bodies and attachments → what they mean (reply, forward, bounce, kind, authentication).
Each stage that fails leaves a problem and what the others could read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from domain.email import Authentication, Bounce, Forwarded, ParsedEmail
from domain.mail_keys import MailKey
from mail.authentication import read_results
from mail.bodies import select
from mail.bounce import read_bounce
from mail.contents import Contents, bodies, epilogue_text, mark_inline, read_contents
from mail.envelope import read_envelope
from mail.forward import find_forwarded
from mail.headers import Headers, header_end
from mail.kind import Kind, classify
from mail.limits import DEFAULT, Limits
from mail.parts import Part, PartList
from mail.problems import Problems
from mail.protection import Protection
from mail.reply import Reply, extract_reply
from mail.reply_subject import is_first
from mail.source import OLE_SIGNATURE, prepare
from mail.tree import Node, Tree

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
    keys: Sequence[MailKey] = (),
    limits: Limits = DEFAULT,
) -> Parsed:
    """Reads one message (RFC 5322, MIME). Never raises: whatever goes wrong is in `email.problems`.

    `known_texts` are bodies of the mails this one may answer; they are taken out of `reply_text` first.
    `received_at` (aware) stands for a date that cannot be read. `keys` open what is encrypted and verify signatures;
    what no key opens is kept and flagged `encrypted`. Every leaf of the MIME tree is once a body or a part.
    """
    problems = Problems()
    try:
        return _parse(raw, known_texts, received_at, keys, limits, problems)
    except Exception as error:
        code = "parser_memory" if isinstance(error, MemoryError) else "parser_error"
        problems.add(code, type(error).__name__)
        return Parsed(salvage(raw, problems, received_at, limits), [])


def salvage(raw: bytes, problems: Problems, received_at: datetime | None, limits: Limits = DEFAULT) -> ParsedEmail:
    """What the headers alone say, when the whole could not be parsed. `raw` may be cut off anywhere."""
    try:
        # Only the head is copied: memory may be what has just run out.
        source = prepare(raw[: limits.header_bytes], limits, problems)
        _, body = header_end(source, 0, len(source), limits.header_bytes)
        fields = read_envelope(Headers(source[:body]), received_at, limits, problems)
    except Exception as error:
        problems.add("headers_unreadable", type(error).__name__)
        fields = {}
    return ParsedEmail(**fields, problems=problems.as_list())


def _parse(
    raw: bytes,
    known_texts: Sequence[str],
    received_at: datetime | None,
    keys: Sequence[MailKey],
    limits: Limits,
    problems: Problems,
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
    protection = Protection(keys, problems, received_at)
    protection.open(tree)
    contents = read_contents(select(root), tree, parts, problems, protection)
    problems.update(tree.problems)
    text, html = bodies(contents, problems, limits)
    if not text.strip() and not html.strip():
        text = epilogue_text(root)
    mark_inline(html, contents.base, parts)
    email = ParsedEmail(
        **read_envelope(root.headers, received_at, limits, problems),
        text=text,
        html=html,
        calendar=contents.calendar,
        signatures=protection.signatures,
        decrypted=protection.decrypted,
    )
    _interpret(email, root, contents, known_texts, problems)
    email.attachments = [part.attachment for part in parts.parts]
    email.problems = problems.as_list()
    return Parsed(email, parts.parts)


def _interpret(
    email: ParsedEmail, root: Node, contents: Contents, known_texts: Sequence[str], problems: Problems
) -> None:
    headers = root.headers
    report_type = root.parameters.get("report-type", "").lower() or None
    is_dsn = report_type == "delivery-status" or (bool(contents.delivery_status) and root.type == "multipart/report")

    def bounce() -> Bounce | None:
        return read_bounce(
            headers,
            delivery_status=contents.delivery_status,
            returned_headers=contents.returned_headers,
            text=email.text,
            is_dsn_multipart=is_dsn,
            disposition=contents.disposition,
        )

    def kind() -> Kind:
        return classify(
            headers,
            content_type=root.type,
            report_type=report_type,
            from_=email.from_,
            subject=email.subject,
            text=email.text,
            has_calendar=contents.is_scheduling(),
            bounce=email.bounce,
            is_feedback_report=contents.is_feedback_report or report_type == "feedback-report",
        )

    def reply() -> Reply:
        answers = bool(email.in_reply_to or email.references) or not is_first(email.subject)
        return extract_reply(email.text, email.html, known_texts, email.subject, answers=answers)

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
