"""Which leaves of the MIME tree are what a person reads, and which are attachments."""

from __future__ import annotations

from dataclasses import dataclass, field

from mail.tree import Node

_BODY_TYPES = ("text/plain", "text/html", "application/xhtml+xml")
_READABLE = (*_BODY_TYPES, "text/enriched", "text/richtext", "text/markdown", "text/x-markdown", "text/x-mail")
# Text for programs; any other that nobody has named is for people.
_DATA = ("text/calendar", "text/css", "text/csv", "text/directory", "text/javascript", "text/rfc822-headers",
         "text/rtf", "text/vcard", "text/x-vcard", "text/xml")  # fmt: skip


@dataclass(slots=True)
class Segment:
    """One piece of the body, as text, as HTML or as both (multipart/alternative)."""

    plain: list[Node] = field(default_factory=list)
    html: list[Node] = field(default_factory=list)

    def nodes(self) -> list[Node]:
        return [*self.plain, *self.html]


@dataclass(slots=True)
class Selection:
    """Every leaf of a tree once: in a segment or among the attachments; both in document order."""

    segments: list[Segment] = field(default_factory=list)
    attachments: list[Node] = field(default_factory=list)


def select(root: Node) -> Selection:
    """Bodies and attachments of `root`.

    A text part is a body unless it is named or declared an attachment; within multipart/alternative the name
    does not count. If that leaves no body, or only blank ones, the first readable part is it.
    """
    selection = Selection()
    _collect(root, selection, alternative=False)
    if not any(node.source[node.start : node.end].strip() for each in selection.segments for node in each.nodes()):
        _promote(root, selection)
    return selection


def _collect(node: Node, selection: Selection, *, alternative: bool) -> None:
    if not node.children:
        _place(node, selection, alternative=alternative)
        return
    if node.type != "multipart/alternative":
        for child in node.children:
            _collect(child, selection, alternative=alternative)
        return
    inner = Selection(attachments=selection.attachments)
    for child in node.children:
        _collect(child, inner, alternative=True)
    if inner.segments:
        merged = Segment()
        for segment in inner.segments:
            merged.plain += segment.plain
            merged.html += segment.html
        selection.segments.append(merged)


def _place(node: Node, selection: Selection, *, alternative: bool) -> None:
    if node.type.startswith("multipart/") and not node.type.endswith("/encrypted"):
        # No part was found in it: what it holds is text all the same.
        if not node.divided:
            selection.segments.append(Segment(plain=[node]))
    elif node.type in _BODY_TYPES and node.disposition != "attachment" and (alternative or not declared_name(node)):
        selection.segments.append(Segment(html=[node]) if node.is_html else Segment(plain=[node]))
    else:
        selection.attachments.append(node)


def _promote(root: Node, selection: Selection) -> None:
    for node in selection.attachments:
        unnamed = node.type.startswith("text/") and node.type not in _DATA and not declared_name(node)
        if node.type not in _READABLE and not unnamed:
            continue
        if node.disposition != "attachment" or (node is root and not declared_name(node)):
            selection.attachments.remove(node)
            selection.segments.append(Segment(html=[node]) if node.is_html else Segment(plain=[node]))
            return


def declared_name(node: Node) -> str:
    """The name the sender gave the part: Content-Disposition's filename, else Content-Type's name."""
    found = [
        parameters[name]
        for parameters, names in (
            (node.disposition_parameters, ("filename", "name")),
            (node.parameters, ("name", "filename")),
        )
        for name in names
        if parameters.get(name, "").strip()
    ]
    # Question marks are what is left of letters that a program could not write.
    return next((name for name in found if "??" not in name), found[0] if found else "")
