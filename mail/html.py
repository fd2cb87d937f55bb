"""HTML bodies as text, with line breaks where a reader sees them.

No tree is built: a mail has few different tags, so each spelling of one is looked at once and stands for a mark in the
text from then on; the text between the tags is handled as a whole.
"""

from __future__ import annotations

import html as entities
import io
import re
from collections.abc import Sequence
from typing import Literal

from mail.html_pieces import cut

# Past this a body is not written by anyone; what follows is cut, not the mail.
_MAX_HTML = 4_000_000
# An end that is not there is looked for this often in a document.
_MAX_UNCLOSED = 5
_MAX_LIST_DEPTH = 20

# Marks: bytes that UTF-8 never has. _LINE parts the lines; _PARAGRAPH and _BREAK keep a line that would be dropped as
# empty; _SPACE and _TAB are white space that counts; the others are read line by line.
_LINE, _PARAGRAPH, _BREAK, _SPACE, _TAB = b"\xff", b"\xfe", b"\xfd", b"\xfc", b"\xfb"
_CELL, _ITEM, _LIST, _NUMBERED, _LIST_END = b"\xfa", b"\xf9", b"\xf8", b"\xf7", b"\xf6"
_SHOWN_AS = ((_PARAGRAPH, b""), (_BREAK, b""), (_SPACE, b" "), (_TAB, b"\t"))
_NBSP = "\xa0".encode()
_INDENT = b"  "


def _names(text: str) -> frozenset[bytes]:
    return frozenset(text.encode().split())


_ELEMENTS: dict[bytes, bytes] = {
    **dict.fromkeys(
        _names(
            "address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption "
            "figure footer form header hr html legend listing main nav option pre section summary table tbody tfoot "
            "thead tr xmp"
        ),
        _LINE,
    ),
    **dict.fromkeys(_names("p h1 h2 h3 h4 h5 h6"), _LINE + _PARAGRAPH + _LINE),
    **dict.fromkeys(_names("ul dir menu"), _LINE + _LIST + _LINE),
    b"ol": _LINE + _NUMBERED + _LINE,
    b"li": _LINE + _ITEM,
    b"br": _BREAK + _LINE,
    b"td": _CELL,
    b"th": _CELL,
}
_CLOSED_ELEMENTS = {
    **_ELEMENTS,
    **dict.fromkeys(_names("ul dir menu ol"), _LINE + _LIST_END + _LINE),
    b"li": _LINE,
    b"td": b"",
    b"th": b"",
}
_UNSHOWN = _names("style script title template iframe noembed noframes select datalist svg")
_VOID = _names("area base br col embed hr img input link meta param source track wbr")
# Where one of these closes, whatever was opened inside it is closed, too.
_CELL_ENDS = _names("td th tr table body html")

_NAME = re.compile(rb"/?([a-zA-Z][^\s/>]*)")
_ALT = re.compile(rb"\salt\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"']+))", re.I)
_QUOTED = re.compile(rb"\"[^\"]*\"|'[^']*'")
_NOT_DISPLAYED = re.compile(rb"display\s*:\s*none", re.I)
_HIDDEN_ATTRIBUTE = re.compile(rb"\shidden(?=[\s/=]|\Z)", re.I)
_PRE_STYLE = re.compile(rb"white-space\s*:\s*(?:pre|break-spaces)", re.I)

_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#39;", "'"))
# Comments and an XML declaration may stand before a document.
_DOCUMENT = re.compile(r"(?:[\s\ufeff]|<!--.*?-->|<\?xml[^>]*>)*+<(?:!doctype html|html|head|body)\b", re.I | re.S)
# A cell's edge becomes white space of its own: at the end of a line nobody sees it, either.
_EDGE = b"\v"
_TO_SPACE = bytes.maketrans(b"\t\n\v\f\r" + _CELL, b"     " + _EDGE)
# An expression that begins with fixed characters is searched for ten times as fast as `\n{3,}` or `[ \t]\n`.
_EMPTY_LINES = re.compile(r"\n\n\n+")
_SPACE_AT_END = re.compile(r"\n(?<=[ \t]\n)")


def to_text(html: str) -> str:
    """The text a reader of `html` sees: a paragraph after a blank line, cells apart, list items marked; never raises.

    Hidden elements, comments and what only a browser uses are left out, unless that leaves nothing.
    """
    source = html[:_MAX_HTML].encode(errors="replace")
    pieces = cut(source)
    document = _Document(pieces, with_hidden=False)
    text = _shown(document)
    if not text and document.hides:
        # Where everything is hidden, the sender did not mean it.
        text = _shown(_Document(pieces, with_hidden=True))
    return text


def looks_like_html(text: str) -> bool:
    """Whether a body that nobody labelled is an HTML document."""
    return _DOCUMENT.match(text[:1024]) is not None


_Opener = Literal["comment", "unshown", "preformatted"]


class _Tags(dict[bytes, bytes]):
    """Spelling of a tag → its mark. `openers`: the spellings after which something is left out or kept as it is."""

    def __init__(self, *, with_hidden: bool) -> None:
        super().__init__()
        self.openers: dict[bytes, _Opener] = {}
        # Whether an element was met that a reader does not see.
        self.hides = False
        self._with_hidden = with_hidden

    def __missing__(self, tag: bytes) -> bytes:
        found = _NAME.match(tag)
        if found is None:
            if tag.startswith(b"!--"):
                self.openers[tag] = "comment"
            mark = b"" if not tag or tag[:1] in b"!?/" else b"&lt;" + tag + b"&gt;"
        elif tag[:1] == b"/":
            mark = _CLOSED_ELEMENTS.get(found[1].lower(), b"")
        else:
            mark = self._opened(tag, found[1].lower())
        self[tag] = mark
        return mark

    def _opened(self, tag: bytes, name: bytes) -> bytes:
        hidden = not self._with_hidden and _is_hidden(tag)
        self.hides |= hidden
        if name in _VOID:
            alt = _ALT.search(tag) if name == b"img" and not hidden else None
            return (alt[1] or alt[2] or alt[3] or b"") if alt else _ELEMENTS.get(name, b"")
        if hidden or name in _UNSHOWN:
            self.openers[tag] = "unshown"
        elif name in (b"pre", b"listing") or (b"hite-space" in tag and _PRE_STYLE.search(tag)):
            self.openers[tag] = "preformatted"
        return _ELEMENTS.get(name, b"")


def _is_hidden(tag: bytes) -> bool:
    if b"idden" in tag and _HIDDEN_ATTRIBUTE.search(_QUOTED.sub(b"", tag)):
        return True
    return _NOT_DISPLAYED.search(tag) is not None


class _Document:
    """A source in pieces: text `n` is `pieces[2 * n]`, the mark of `tags[n]` behind it is `pieces[2 * n + 1]`."""

    def __init__(self, pieces: Sequence[bytes], *, with_hidden: bool) -> None:
        self.pieces = list(pieces)
        self.tags = pieces[1::2]
        known = _Tags(with_hidden=with_hidden)
        self.pieces[1::2] = map(known.__getitem__, self.tags)
        self.hides = known.hides
        self._unclosed = 0
        if known.openers:
            self._read_openers(known.openers)

    def joined(self) -> bytes:
        # b"".join would first take 80 bytes of memory for each piece.
        buffer = io.BytesIO()
        buffer.writelines(self.pieces)
        return buffer.getvalue()

    def _read_openers(self, openers: dict[bytes, _Opener]) -> None:
        past = preformatted = 0
        for start in [number for number, tag in enumerate(self.tags) if tag in openers]:
            if start < past or self._unclosed >= _MAX_UNCLOSED:
                continue
            kind = openers[self.tags[start]]
            if kind == "comment":
                past = self._drop_comment(start)
            elif kind == "unshown":
                past = self._drop_element(start)
            elif start >= preformatted:
                preformatted = self._keep_space(start)

    def _drop(self, start: int, end: int) -> int:
        """Leaves out everything from tag `start` to before tag `end`."""
        self.pieces[2 * start + 1 : 2 * end + 1] = [b""] * (2 * (end - start))
        return end

    def _drop_comment(self, start: int) -> int:
        for number in range(start, len(self.tags)):
            if self.tags[number].endswith(b"--"):
                return self._drop(start, number)
            _, found, rest = self.pieces[2 * number + 2].partition(b"-->")
            if found:
                self._drop(start, number + 1)
                self.pieces[2 * number + 2] = rest
                return number + 1
        self._unclosed += 1
        return start

    def _drop_element(self, start: int) -> int:
        end = self._end(start)
        if end is not None:
            return self._drop(start, end)
        self._unclosed += 1
        if _element(self.tags[start]) in _UNSHOWN:
            # Style sheets and scripts have no tags: what is not closed ends at the next one.
            self.pieces[2 * start + 2] = b""
        return start

    def _keep_space(self, start: int) -> int:
        end = self._end(start)
        if end is None:
            end = len(self.tags)
        for number in range(start + 1, end + 1):
            text = self.pieces[2 * number].replace(b"\r", b"")
            text = text.removeprefix(b"\n") if number == start + 1 else text
            text = text.replace(b" ", _SPACE).replace(b"\t", _TAB)
            self.pieces[2 * number] = text.replace(b"\n", _BREAK + _LINE)
        return end

    def _end(self, start: int) -> int | None:
        """The tag that closes the element which `start` opens, or the table cell around it."""
        name = _element(self.tags[start])
        depth, tables = 1, 0
        for number in range(start + 1, len(self.tags)):
            tag = self.tags[number]
            found = _element(tag)
            step = -1 if tag[:1] == b"/" else 1
            if found == name:
                depth = depth + step if name not in _UNSHOWN else min(depth, depth + step)
                if depth == 0:
                    return number
            elif name in _UNSHOWN:
                continue
            elif step < 0 and not tables and found in _CELL_ENDS and name not in _CELL_ENDS:
                return number
            elif found == b"table":
                tables = max(0, tables + step)
        return None


def _element(tag: bytes) -> bytes:
    found = _NAME.match(tag)
    return found[1].lower() if found else b""


def _shown(document: _Document) -> str:
    source = document.joined().translate(_TO_SPACE)
    while b"  " in source:
        source = source.replace(b"  ", b" ")
    source = source.replace(b"&nbsp;", _NBSP)
    lines = list(filter(None, map(bytes.strip, source.split(_LINE))))
    source = b"\n".join(lines)
    if _EDGE in source:
        lines = [line for line in [_row(line) if _EDGE in line else line for line in lines] if line]
        source = b"\n".join(lines)
    if _ITEM in source or _LIST in source or _NUMBERED in source:
        source = b"\n".join(_listed(lines))
    for mark, shown in _SHOWN_AS:
        if mark in source:
            source = source.replace(mark, shown)
    text = _unescaped(source.decode(errors="ignore")).replace("\xa0", " ")
    if _SPACE_AT_END.search(text):
        text = "\n".join([line.rstrip() for line in text.split("\n")])
    return _EMPTY_LINES.sub("\n\n", text).strip("\n").rstrip()


def _unescaped(text: str) -> str:
    # The common ones at once: asking the table of entities costs a microsecond each.
    for entity, character in _ENTITIES:
        pieces = text.split("&amp;")
        if len(pieces) == text.count("&") + 1:
            return "&".join(pieces)
        text = text.replace(entity, character)
    return entities.unescape(text).replace("\r", "")


def _row(line: bytes) -> bytes:
    """Cells beside each other, two tabs apart; an empty row is a blank line if white space was put there."""
    cells = [cell.strip(b" ") for cell in line.split(_EDGE)]
    filled = [number for number, cell in enumerate(cells) if cell.replace(_NBSP, b"")]
    if filled:
        return b"\t\t".join(cells[filled[0] : filled[-1] + 1])
    return _BREAK if _NBSP in line else b""


def _listed(lines: Sequence[bytes]) -> list[bytes]:
    """`lines` with bullets or numbers before list items, and indented as deep as their list."""
    result: list[bytes] = []
    # The number of the last item of each open list; None: it has bullets.
    open_lists: list[int | None] = []
    label = ""
    for line in lines:
        if line in (_LIST, _NUMBERED):
            open_lists.append(0 if line == _NUMBERED else None)
            continue
        if line == _LIST_END:
            if open_lists:
                open_lists.pop()
            continue
        indent = _INDENT * min(max(1, len(open_lists)), _MAX_LIST_DEPTH)
        if line.startswith(_ITEM):
            label = "• "
            if open_lists and (last := open_lists[-1]) is not None:
                open_lists[-1] = last + 1
                label = f"{last + 1}. "
            line = line[1:].lstrip(b" ")
        if line in (b"", _PARAGRAPH, _BREAK):
            if not label:
                result.append(line)
            continue
        if open_lists or label:
            line = indent + (label.encode() or _INDENT) + line
        label = ""
        result.append(line)
    return result
