"""Address fields (RFC 5322 §3.4, obsolete forms §4.4), read as mail readers read them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from domain.email import Address
from mail.encoded_words import decode_words
from mail.text import clean

# "Name" <a@b.c>, Name <a@b.c> or a@b.c: what nearly every field is.
_SIMPLE = re.compile(
    r'(?:"([^"\\<>]*)"|([^"<>@,;:()\\]*?))\s*<([^\s<>@,;:"()\\=]+)@([^\s<>@,;:"()\\=]+)>'
    r'|([^\s<>@,;:"()\\=]+)@([^\s<>@,;:"()\\=]+)'
)
_SPECIAL = re.compile(r'[",;:<(]|=\?[^?\s]{0,60}\?[bBqQ]\?')
_SPACES = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_ESCAPE = re.compile(r"\\(.)", re.S)
_ESCAPED_SIGN = re.compile(r"\\([^\w\s])")
_BARE = re.compile(r"(?:\"[^\"]+\"|[^\s<>@,;:\"()\[\]]+)@(?:[^\s<>@,;:\"()\[\]]+|\[[^\s\[\]]+\])")
_LOCAL_NAME = re.compile(r"[A-Za-z0-9._+-]{1,64}")
_NAME_GOES_ON = re.compile(r"\s*[^\s,;:<>@\"][^,;:<>@\"]*<")
_HARMLESS_ENTITY = re.compile(r"&(?:amp|apos|#0?39);")
_EMPTY_BRACKETS = re.compile(r"<\s*>|\[\s*\]|\(\s*\)")
# What people write for the comma between two mailboxes.
_CONJUNCTIONS = ("and", "und", "et", "en", "og", "och", "oraz", "&", "/", "|", "+")
_CONJUNCTION = re.compile(rf"(?:{'|'.join(map(re.escape, _CONJUNCTIONS))})\s+")
_COMMENT = re.compile(r"\([^()]*\)")
_MAX_ADDRESS = 1_000
_MAX_NAME = 1_000


def parse_addresses(value: str, limit: int) -> tuple[list[Address], bool]:
    """(mailboxes of an unfolded, not yet RFC 2047-decoded field, whether there were more than `limit`).

    Groups are flattened; a name with a bare comma belongs to the address after it; text without any
    address yields nothing.
    """
    value = value.strip()
    simple = _SIMPLE.fullmatch(value)
    if simple is not None:
        return [_from_simple(simple)], False
    if "&" in value:
        # Some programs take the field for HTML.
        value = _HARMLESS_ENTITY.sub(lambda match: unescape(match[0]), value) if "<" in value else unescape(value)
    found: list[Address] = []
    fragment = ""
    lone: list[Address] = []
    for piece in _pieces(value):
        addresses = _unseparated(piece) or _mailbox(piece, fragment)
        if not addresses:
            text = piece.text()
            if _LOCAL_NAME.fullmatch(text) and not fragment:
                # A local name without a domain (root, MAILER-DAEMON).
                lone = lone or _named(piece.comments[-1] if piece.comments else "", _clean_address(text), "")
            fragment = f"{fragment}, {text}" if fragment and text else fragment or text
            fragment = "" if piece.ends_group else fragment
            continue
        fragment = ""
        found += addresses
        if len(found) > limit:
            return found[:limit], True
    if not found and lone and lone[0].address == fragment:
        found = lone
    if not found and "=?" in value:
        decoded = decode_words(value)
        if "=?" not in decoded and "@" in decoded:
            return parse_addresses(decoded, limit)
    return found, False


def _from_simple(match: re.Match[str]) -> Address:
    if match[5] is not None:
        address = f"{match[5]}@{match[6].lower().rstrip('.')}"
        return Address(address=address[1:-1] if address[0] == address[-1] == "'" else address)
    name = match[1] if match[1] is not None else match[2]
    return Address(name=_clean_name(name), address=f"{match[3]}@{match[4].lower().rstrip('.')}")


class _Piece:
    """What stands between two commas: words, quoted strings, comments, angle addresses."""

    __slots__ = ("angles", "comments", "ends_group", "named", "words")

    def __init__(self, words: list[str] | None = None) -> None:
        self.words = words or []
        self.comments: list[str] = []
        self.angles: list[str] = []
        # How many words stand before the first angle address.
        self.named = 0
        self.ends_group = False

    def add_angle(self, text: str) -> None:
        if not self.angles:
            self.named = len(self.words)
        self.angles.append(text)

    def text(self) -> str:
        return " ".join("".join(self.words).split())


def _pieces(value: str) -> Iterator[_Piece]:
    piece = _Piece()
    position, end = 0, len(value)
    closers = {'"': value.rfind('"'), "(": value.rfind(")"), "<": value.rfind(">")}
    while position < end:
        match = _SPECIAL.search(value, position)
        if match is None:
            piece.words.append(value[position:])
            break
        if match.start() > position:
            piece.words.append(value[position : match.start()])
        mark, position = match[0], match.end()
        if mark[0] == "=":
            # An encoded word may hold any of the special characters, though it should not (RFC 2047 §5).
            stop = value.find("?=", position)
            stop = end if stop < 0 else stop + 2
            piece.words.append(value[match.start() : stop])
            position = stop
        elif mark in ",;":
            piece.ends_group = mark == ";"
            yield piece
            piece = _Piece()
        elif mark == ":":
            if "@" in "".join(piece.words) or piece.angles:
                piece.words.append(mark)
            elif _NAME_GOES_ON.match(value, position) and value.find(";", position) < 0:
                # No group, as nothing ends it, but a name that should have been quoted.
                piece.words.append(mark)
            else:
                # The name of a group, or a scheme such as mailto:.
                piece = _Piece()
        elif mark == "<" and piece.angles and value.startswith(f"{piece.angles[-1]}>", position):
            # The same address once more.
            position += len(piece.angles[-1]) + 1
        elif mark == "<" and any("@" in angle for angle in piece.angles):
            # The comma between two mailboxes was forgotten, or stands there as a word.
            words = "".join(piece.words[piece.named :]).lstrip()
            conjunction = _CONJUNCTION.match(words)
            words = words[conjunction.end() :] if conjunction else words
            del piece.words[piece.named :]
            yield piece
            piece = _Piece([words])
            position = match.start()
        elif closers[mark] < position:
            if mark == "<":
                stop = next((p for p in (value.find(s, position) for s in ",;") if p >= 0), end)
                piece.add_angle(value[position:stop])
                position = stop
        elif mark == '"':
            text, position = _quoted(value, position)
            piece.words.append(text)
        elif mark == "(":
            text, position = _comment(value, position)
            piece.comments.append(text)
        else:
            stop = value.find(">", position)
            piece.add_angle(value[position:stop])
            position = stop + 1
            while value.startswith(">", position):
                position += 1
    yield piece


def _quoted(value: str, position: int) -> tuple[str, int]:
    """A quoted string; a local part keeps its quotes, a name loses them."""
    stop = value.find('"', position)
    while stop > 0 and _escaped(value, stop, position):
        following = value.find('"', stop + 1)
        if following < 0:
            break
        stop = following
    text = _ESCAPE.sub(r"\1", value[position:stop])
    if value[stop + 1 : stop + 2] == "@":
        return f'"{text}"', stop + 1
    return text, stop + 1


def _escaped(value: str, position: int, floor: int) -> bool:
    slashes = 0
    while position - slashes - 1 >= floor and value[position - slashes - 1] == "\\":
        slashes += 1
    return slashes % 2 == 1


def _comment(value: str, position: int) -> tuple[str, int]:
    depth, start = 1, position
    while depth and position < len(value):
        if value[position] == "(":
            depth += 1
        elif value[position] == ")":
            depth -= 1
        position += 1
    return value[start : position - (not depth)], position


def _mailbox(piece: _Piece, fragment: str) -> list[Address]:
    angle = next((a for a in reversed(piece.angles) if "@" in a), piece.angles[-1] if piece.angles else None)
    name = "".join(piece.words)
    if angle is not None:
        address = _clean_address(angle)
        bare = _BARE.search(name) if "@" not in address else None
        if bare is not None:
            # The brackets are empty, or around the name.
            return _named(f"{name.replace(bare[0], '')} {angle}", bare[0], fragment)
        if not address:
            return []
        before = "".join(piece.words[: piece.named])
        # What follows the address is its name only where none precedes it.
        name = before if before.strip() else name
        if not name.strip() and not fragment and piece.comments:
            name = piece.comments[-1]
        return _named(name, address, fragment)
    if "@" not in name:
        bare = _BARE.fullmatch(piece.comments[-1].strip()) if piece.comments else None
        return _named(name, bare[0], fragment) if bare else []
    bare = _BARE.search(name)
    address = bare[0] if bare else name
    rest = _EMPTY_BRACKETS.sub("", name.replace(bare[0], "", 1)) if bare else ""
    if not rest.strip() and piece.comments:
        rest = piece.comments[-1]
    return _named(rest, _clean_address(address), fragment)


def _unseparated(piece: _Piece) -> list[Address]:
    """The mailboxes of a piece that has two or more, with spaces or "and" between them."""
    words = [word for word in piece.text().split() if word not in _CONJUNCTIONS]
    if piece.angles or len(words) < 2 or not all(_BARE.fullmatch(word) for word in words):
        return []
    return [Address(address=_clean_address(word)) for word in words]


def _named(name: str, address: str, fragment: str) -> list[Address]:
    if not address:
        return []
    name = f"{fragment}, {name}" if fragment and name.strip() else fragment or name
    return [Address(name=_clean_name(name), address=address)]


def _clean_name(name: str) -> str:
    if "=?" in name:
        name = clean(decode_words(name)).strip()
        if len(name) > 1 and name[0] == name[-1] == '"':
            name = name[1:-1]
    name = name.strip()
    if len(name) > 2 and name[0] == name[-1] == "'" and "'" not in name[1:-1]:
        # Outlook's quotation marks, which are none in RFC 5322.
        name = name[1:-1]
    if "\\" in name:
        name = _ESCAPED_SIGN.sub(r"\1", name)
    # A bracket without its partner is what is left of somebody's angle address.
    return _SPACES.sub(" ", _CONTROL.sub(" ", name)).strip(" <>" if name.strip() in ("<", ">") else None)[:_MAX_NAME]


def _clean_address(address: str) -> str:
    if "=?" in address:
        address = decode_words(address)
    address = _CONTROL.sub("", clean(address)).strip(" <>,;'")
    if address[:7].lower() == "mailto:":
        address = address[7:].partition("?")[0]
    if address.startswith("@") and ":" in address:
        # An obsolete source route (RFC 5322 §4.4).
        address = address.partition(":")[2]
    if not address.startswith('"'):
        address = _SPACES.sub("", _COMMENT.sub("", address) if "(" in address else address)
    local, at, domain = address.rpartition("@")
    if not at and address.endswith(":"):
        # An empty group in brackets, as in <undisclosed-recipients:;>.
        return ""
    return (f"{local}@{domain.lower().rstrip('.')}" if at else address)[:_MAX_ADDRESS]
