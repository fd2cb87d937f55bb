"""The MIME tree of a message (RFC 2046 §5.1) as ranges of its source, so that nested mail stays byte-exact."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mail.headers import Headers, header_end
from mail.limits import Limits
from mail.parameters import parse_value
from mail.transfer import decode_transfer

_GUESSED_BOUNDARY = re.compile(
    rb"^--(?=[^\s-])([^\r\n]{1,200}?)[ \t]*\r?\n(?=content-[a-z-]+[ \t]*:|\r?\n)", re.M | re.I
)
_UNDECLARED_MULTIPART = re.compile(rb"(?:this is a multi-?part message[^\r\n]*\r?\n\s*)?(?=--[^\s-])", re.I)
_FIELD = re.compile(rb"content-[a-z-]+[ \t]*:", re.I)
_MIME_FIELD = re.compile(
    rb"(?:mime-version:[ \t]*1\.0|content-(?:type:[ \t]*[a-z]+/[\w.+-]+|disposition:[ \t]*(?:attachment|inline)"
    rb"|transfer-encoding:[ \t]*(?:7bit|8bit|base64|binary|quoted-printable)))[ \t]*(?:;|\r?$)",
    re.I | re.M,
)
_MAX_BLANK_LINES = 10
_MAIN_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")
_CHARSET = re.compile(rb"charset\s*=\s*\"?(?!us-ascii)([A-Za-z0-9_.:-]{2,40})", re.I)
_HINT_BYTES = 20_000
# White space after a delimiter (RFC 2046 allows it without bound); what is longer is text.
_MAX_DELIMITER_TAIL = 200
_SPACED_SLASH = re.compile(r"\s*/\s*")
_MISTAKEN_TYPES = {
    "text": "text/plain",
    "plain": "text/plain",
    "plain/text": "text/plain",
    "text/text": "text/plain",
    "html": "text/html",
    "html/text": "text/html",
    "multipart": "multipart/mixed",
}
_MISTAKEN_ENCODINGS = {
    "quotedprintable": "quoted-printable",
    "xquotedprintable": "quoted-printable",
    "quoted": "quoted-printable",
    "base64": "base64",
    "xbase64": "base64",
}
_IDENTITIES = ("", "7bit", "8bit", "binary")
_SEPARATORS = str.maketrans("", "", "-_/")


class Node:
    """One entity: its headers and where its body is in `source`. A leaf has no children."""

    __slots__ = (
        "children",
        "closings",
        "depth",
        "disposition",
        "disposition_parameters",
        "divided",
        "end",
        "head",
        "headers",
        "parameters",
        "parent_type",
        "source",
        "start",
        "type",
    )  # fmt: skip

    def __init__(self, source: bytes, head: int, end: int, *, parent_type: str, depth: int, limits: Limits,
                 hint: str | None) -> None:  # fmt: skip
        stop, body = header_end(source, head, end, limits.header_bytes)
        self.source = source
        self.head = head
        self.start = body
        self.end = end
        self.depth = depth
        self.parent_type = parent_type
        self.headers = Headers(source[head:stop], hint=hint)
        if (
            _MIME_FIELD.match(source, body, end)
            and "content-type" not in self.headers
            and parent_type != "multipart/digest"
        ):
            self._read_on(source[head:stop], hint, limits)
        self.children: list[Node] = []
        # A multipart in which delimiters were found, even if nothing is between them.
        self.divided = False
        # (start, end) of each closing delimiter; what follows the last one is the epilogue.
        self.closings: list[tuple[int, int]] = []
        values = self.headers.all_unfolded("content-type")
        # The first one counts; a program that added its own has not rewritten the parts, so that a boundary is true.
        value = next((each for each in values if "boundary" in each), values[0]) if len(values) > 1 else "".join(values)
        self.type, self.parameters = _content_type(value, parent_type) if value else (_default_type(parent_type), {})
        self.disposition, self.disposition_parameters = _disposition(self.headers.all_unfolded("content-disposition"))

    @property
    def encoding(self) -> str:
        """The Content-Transfer-Encoding, lower-case; empty where there is none."""
        names = [_encoding(value) for value in self.headers.all_unfolded("content-transfer-encoding")]
        # Of several, one that changes something: a program that added its own has not undone the other.
        return next((name for name in names if name not in _IDENTITIES), names[0] if names else "")

    def _read_on(self, block: bytes, hint: str | None, limits: Limits) -> None:
        """Takes MIME fields below the blank line as headers: some program has put one blank line too many."""
        for _ in range(_MAX_BLANK_LINES):
            if not _MIME_FIELD.match(self.source, self.start, self.end):
                break
            stop, body = header_end(self.source, self.start, self.end, limits.header_bytes)
            block += self.source[self.start : stop]
            self.start = body
        self.headers = Headers(block, hint=hint)
        self.headers.repaired = True

    @property
    def is_html(self) -> bool:
        """Whether it is HTML by its declared type."""
        return self.type in ("text/html", "application/xhtml+xml")

    def leaves(self) -> Iterator[Node]:
        """The entities without children below this one, in document order."""
        pending = [self]
        while pending:
            node = pending.pop()
            if node.children:
                pending.extend(reversed(node.children))
            else:
                yield node


class Tree:
    """The tree of one source, and the problems met while it was built: (code, detail)."""

    def __init__(self, source: bytes, limits: Limits) -> None:
        self.problems: dict[str, str] = {}
        self._limits = limits
        self._parts = 0
        self.hint = _charset_hint(source)
        self.root = self._node(source, 0, len(source), "", 0)
        self._guess_undeclared_multipart()
        self.grow(self.root)

    def grow(self, root: Node) -> None:
        """Splits `root` and everything below it; also called for the content of an opaque S/MIME signature."""
        pending = [root]
        while pending:
            node = pending.pop()
            if node.type.startswith("multipart/"):
                if not node.divided:
                    self._split(node)
                pending.extend(node.children)

    def graft(self, node: Node, source: bytes) -> None:
        """Makes the entity in `source` a child of `node`."""
        if node.depth >= self._limits.depth:
            self._note("too_deep", f"parts are nested more than {self._limits.depth} deep")
            return
        child = self._node(source, 0, len(source), node.type, node.depth + 1)
        node.children = [child]
        self.grow(child)

    def _node(self, source: bytes, head: int, end: int, parent_type: str, depth: int) -> Node:
        node = Node(source, head, end, parent_type=parent_type, depth=depth, limits=self._limits, hint=self.hint)
        if node.start - head >= self._limits.header_bytes:
            self._note("headers_too_large", f"headers are longer than {self._limits.header_bytes} bytes")
        if node.headers.repaired:
            self._note("bad_header_line", "a line of the headers is no header field")
        return node

    def _note(self, code: str, detail: str) -> None:
        self.problems.setdefault(code, detail)

    def _guess_undeclared_multipart(self) -> None:
        root = self.root
        if "content-type" in root.headers:
            return
        marker = _UNDECLARED_MULTIPART.match(root.source, root.start, root.end)
        if marker and _GUESSED_BOUNDARY.match(root.source, marker.end(), root.end):
            root.type, root.parameters = "multipart/mixed", {}
            self._note("missing_content_type", "the parts of the mail are not declared")

    def _split(self, node: Node) -> None:
        if node.depth >= self._limits.depth:
            self._note("too_deep", f"parts are nested more than {self._limits.depth} deep")
            return
        boundary = node.parameters.get("boundary", "").rstrip().encode("utf-8", "surrogateescape")
        if node.encoding in ("base64", "quoted-printable"):
            _decode_in_place(node)
        segments, closed = _segments(node, boundary) if boundary else ([], False)
        if not segments:
            guessed = _GUESSED_BOUNDARY.search(node.source, node.start, node.end)
            if guessed is None:
                self._note("no_parts", "a multipart without parts")
                if node.closings:
                    # Nothing but a closing delimiter: what stands before it is all there is to read.
                    node.end = node.closings[0][0]
                return
            self._note("bad_boundary", "the declared boundary does not separate the parts")
            boundary = guessed[1]
            segments, closed = _segments(node, boundary)
        if not closed:
            self._note("missing_end_boundary", "the mail ends before its last boundary")
        self._adopt(node, segments, boundary)

    def _adopt(self, node: Node, segments: list[tuple[int, int, bool]], boundary: bytes) -> None:
        """Children from segments. A nested multipart that reuses the boundary takes the parts up to its end."""
        container = node
        node.divided = True
        for start, end, last in segments:
            if self._parts >= self._limits.parts:
                self._note("too_many_parts", f"more than {self._limits.parts} parts")
                break
            self._parts += 1
            child = self._node(node.source, start, end, container.type, container.depth + 1)
            if not child.headers and child.start >= child.end and not node.source[start:end].strip():
                continue
            reused = child.type.startswith("multipart/") and (
                child.parameters.get("boundary", "").encode("utf-8", "surrogateescape") == boundary
                and not node.source[child.start : child.end].strip()
            )
            if reused and container is node:
                child.divided = True
                container.children.append(child)
                container = child
                continue
            container.children.append(child)
            if last:
                container = node
        _drop_empty_containers(node)


def _decode_in_place(node: Node) -> None:
    """A multipart may not be encoded (RFC 2045 §6.4); some senders do it, and then no delimiter can be seen."""
    if b"\n--" in node.source[node.start : node.end] or node.source.startswith(b"--", node.start):
        return
    node.source, _ = decode_transfer(node.source, node.start, node.end, node.encoding)
    node.start, node.end = 0, len(node.source)


def _drop_empty_containers(node: Node) -> None:
    node.children = [
        child
        for child in node.children
        if child.children or not child.type.startswith("multipart/") or node.source[child.start : child.end].strip()
    ]


def _segments(node: Node, boundary: bytes) -> tuple[list[tuple[int, int, bool]], bool]:
    """([(start, end, whether a closing delimiter ends it)], whether the last delimiter closes).

    Parts after a closing delimiter count: inner parts reuse boundaries, and mailers append after the end.
    """
    source, end = node.source, node.end
    delimiter = b"--" + boundary
    segments: list[tuple[int, int, bool]] = []
    open_at = -1
    closed = False
    position = node.start
    while (found := source.find(delimiter, position, end)) >= 0:
        after = found + len(delimiter)
        line_end = source.find(b"\n", after, min(end, after + _MAX_DELIMITER_TAIL))
        if line_end < 0:
            line_end = min(end, after + _MAX_DELIMITER_TAIL)
        rest = source[after:line_end].strip()
        if rest not in (b"", b"--") or not _delimits(source, node.start, found, line_end, rest == b"--"):
            position = after
            continue
        if open_at >= 0:
            segments.append((open_at, _before(source, open_at, found), rest == b"--"))
        closed = rest == b"--"
        position = min(line_end + 1, end)
        open_at = -1 if closed else position
        if closed:
            node.closings.append((found, position))
    if open_at >= 0 and open_at < end:
        segments.append((open_at, end, False))
    return segments, closed


def _delimits(source: bytes, start: int, found: int, line_end: int, closing: bool) -> bool:
    """A delimiter stands at the start of a line; senders who forget the line break are understood all the same."""
    if found == start or source[found - 1] in b"\r\n":
        return True
    return closing or _FIELD.match(source, line_end + 1) is not None


def _before(source: bytes, start: int, delimiter: int) -> int:
    """The line break before a delimiter belongs to it (RFC 2046 §5.1.1)."""
    if delimiter > start and source[delimiter - 1] == 10:
        delimiter -= 1
    if delimiter > start and source[delimiter - 1] == 13:
        delimiter -= 1
    return delimiter


def _encoding(value: str) -> str:
    name = value.strip(" \t;,\"'").lower().partition(" ")[0].partition(";")[0]
    return _MISTAKEN_ENCODINGS.get(name.translate(_SEPARATORS), name)


def clean_type(text: str) -> str:
    """The `type/subtype` in `text`, or nothing."""
    found = _MAIN_TYPE.search(text)
    return found[0] if found else ""


def _content_type(value: str, parent_type: str) -> tuple[str, dict[str, str]]:
    main, parameters = parse_value(value)
    if "/" not in main:
        main, parameters = parse_value(_SPACED_SLASH.sub("/", value, count=1))
    mistaken = _MISTAKEN_TYPES.get(main.strip("/"))
    if mistaken is None and _MAIN_TYPE.fullmatch(main):
        return main, parameters
    return mistaken or clean_type(value.lower()) or _default_type(parent_type), parameters


def _disposition(values: list[str]) -> tuple[str, dict[str, str]]:
    """The first Content-Disposition, or, of several, the first that has a file name."""
    parsed = [parse_value(value) for value in values if value]
    return next((found for found in parsed if "filename" in found[1]), parsed[0] if parsed else ("", {}))


def _default_type(parent_type: str) -> str:
    return "message/rfc822" if parent_type == "multipart/digest" else "text/plain"


def _charset_hint(source: bytes) -> str | None:
    """The first charset beyond ASCII that the mail names: what its raw 8-bit headers are most likely in."""
    if source[:_HINT_BYTES].isascii():
        return None
    match = _CHARSET.search(source, 0, _HINT_BYTES)
    return match[1].decode("ascii") if match else None
