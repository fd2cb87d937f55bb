"""Bytes to text as senders meant it, which is often not what the label says."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

import chardet
import webencodings

from mail.text import clean

# chardet's cost grows with the input and its verdict does not improve past a few kilobytes.
_DETECT_BYTES = 16_384
_MAX_LABEL = 60

_WIDE = frozenset({"utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"})
_SEVEN_BIT = frozenset({"iso-2022-jp", "iso2022_kr", "hz", "utf-7"})
_STATEFUL = _SEVEN_BIT | _WIDE
_DOUBLE_BYTE = frozenset({"gb18030", "big5hkscs", "cp950", "euc_jis_2004", "cp932", "cp949", "johab"})
# High bytes in a text that is valid UTF-8, from which on it is no other charset.
_SURELY_UTF8 = 12

# Labels whose WHATWG meaning is not what mail needs, or that WHATWG does not know.
_ALIASES = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "ansi_x3.4-1968": "cp1252",
    "646": "cp1252",
    "big5": "big5hkscs",
    "big5-hkscs": "big5hkscs",
    "x-x-big5": "big5hkscs",
    "cp950": "cp950",
    "euc-jp": "euc_jis_2004",
    "x-euc-jp": "euc_jis_2004",
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "cp936": "gb18030",
    "hz-gb-2312": "hz",
    "hz": "hz",
    "iso-2022-cn": "gb18030",
    "iso-2022-jp": "iso-2022-jp",
    "iso-2022-jp-1": "iso-2022-jp",
    "iso-2022-jp-2": "iso-2022-jp",
    "iso-2022-jp-3": "iso-2022-jp",
    "iso-2022-jp-ms": "iso-2022-jp",
    "cp50220": "iso-2022-jp",
    "cp50221": "iso-2022-jp",
    "csiso2022jp": "iso-2022-jp",
    "iso-2022-kr": "iso2022_kr",
    "csiso2022kr": "iso2022_kr",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "euc-kr": "cp949",
    "uhc": "cp949",
    "johab": "johab",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "ms932": "cp932",
    "cp932": "cp932",
    "utf7": "utf-7",
    "utf-7": "utf-7",
    "unicode-1-1-utf-7": "utf-7",
    "utf8": "utf-8",
    "utf8mb4": "utf-8",
    "cp65001": "utf-8",
    "65001": "utf-8",
    "utf-16": "utf-16",
    "utf-32": "utf-32",
    "utf-32le": "utf-32-le",
    "utf-32be": "utf-32-be",
    "macintosh": "mac-roman",
    "x-mac-ce": "mac-latin2",
    "viscii": "cp1258",
}
# Labels by which a program says that it does not know.
_UNKNOWN = frozenset(
    {"", "unknown", "unknown-8bit", "x-unknown", "default", "default_charset", "none", "binary", "8bit"}
)

# Never a text encoding, though codecs.lookup knows them (some would even decompress).
_NOT_TEXT = frozenset(
    {"base64", "bz2", "hex", "quopri", "rot13", "uu", "zlib", "idna", "punycode"}
    | {"unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"}
)

_UTF8_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# One character beyond U+FFFF as two, which is how Java and old databases write it (CESU-8).
_SURROGATE_PAIR = re.compile(rb"\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]")
_HIGH = re.compile(rb"[\x80-\xff]")
_AROUND_LABEL = " \t\r\n\"';,\x00"
_CODE_PAGE = re.compile(r"(?:windows|win|ibm|dos|cp)-")
_LABEL_END = re.compile(r"[;,\s]")
_HIGH_BYTES = bytes(range(0x80, 0x100))
_C1 = re.compile(rb"[\x80-\x9f]")
# Polish and Czech letters in ISO-8859-2 that are signs in windows-1250.
_LATIN_2_ONLY = re.compile(rb"[\xa6\xac\xb1\xb6\xb7\xbc]")
_LATIN_NEIGHBOURS = frozenset({"cp1250", "cp1254", "cp1257", "cp1258", "cp874"})
_OTHER_ALPHABETS = frozenset(
    {"cp1251", "koi8-r", "koi8-u", "cp866", "iso8859-5", "mac-cyrillic", "cp1253", "iso8859-7", "cp1255", "iso8859-8"}
    | {"cp1256", "iso8859-6", "cp874", "iso8859-11"}
)
_KANA = re.compile("[ぁ-ヿ]")
_NOT_JAPANESE = re.compile("[\ue000-\uf8ff\ufffd]")
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_HIGH_RUN_IN_WORD = re.compile(rb"(?<=[A-Za-z])[\x80-\xff]+|[\x80-\xff]+(?=[A-Za-z])")
_ISO2022_ESCAPE = re.compile(rb"\x1b(?:\$[@BA]|\$\([A-Q]|\([BIJH])")

_CP1252 = {code: bytes([code]).decode("cp1252", "replace") for code in range(0x80, 0xA0)}
_CP1252_OR_C1 = {code: char for code, char in _CP1252.items() if char != "\ufffd"}


def decode(data: bytes, label: str | None = None, *, hint: str | None = None) -> str:
    """`data` as clean unicode; never raises.

    `label` is the declared charset (any spelling, or None); `hint` a charset used elsewhere in the same
    mail, tried when there is no usable label. Order: ASCII; valid UTF-8, which a text of some length in another
    charset never is; the label strictly; detection.
    """
    codec = codec_for(label)
    if (codec in _WIDE and _is_narrow(data)) or (codec in _SEVEN_BIT and _is_utf8(data)):
        codec = "utf-8"
    if codec not in _STATEFUL and data.isascii():
        if b"\x1b" not in data or codec not in (None, "cp1252", "utf-8"):
            return clean(data.decode("ascii"))
        if _ISO2022_ESCAPE.search(data):
            return clean(_decode_iso2022_jp(data))
        return clean(data.decode("ascii"))
    if data.startswith(codecs.BOM_UTF8):
        data = data[3:]
        codec = "utf-8"
    text = _by_label(data, codec)
    if text is None:
        text = _undeclared(data, codec, codec_for(hint))
    return clean(text.removeprefix("\ufeff"))


def outweighs(other: str, label: str | None) -> bool:
    """Whether a text is rather in `other`, the charset named inside it, than in the `label` that it came under.

    The western charset is what programs call a text that they know nothing of.
    """
    codec = codec_for(label)
    return codec is None or (codec == "cp1252" and codec_for(other) in _OTHER_ALPHABETS | _LATIN_NEIGHBOURS)


@lru_cache(maxsize=512)
def codec_for(label: str | None) -> str | None:
    """The Python codec for a charset label as mail writes it, or None where it names nothing usable."""
    if not label or len(label) > _MAX_LABEL:
        return None
    name = label.partition("*")[0].strip(_AROUND_LABEL).lower().removeprefix("charset=")
    name = _LABEL_END.split(name, maxsplit=1)[0].rstrip(_AROUND_LABEL)
    if name in _UNKNOWN or not name.isascii():
        return None
    if name in _ALIASES:
        return _ALIASES[name]
    encoding = webencodings.lookup(name) or webencodings.lookup(name.replace("_", "-"))
    if encoding is not None and encoding.name not in ("replacement", "x-user-defined"):
        found = _ALIASES.get(encoding.name) or encoding.codec_info.name
        return str(found)
    return _python_codec(name)


def _python_codec(name: str) -> str | None:
    for spelling in (name, _CODE_PAGE.sub("cp", name).replace("x-", "")):
        try:
            info = codecs.lookup(spelling)
        except (LookupError, ValueError):
            continue
        if info.name.replace("-", "_") not in _NOT_TEXT and getattr(info, "_is_text_encoding", True):
            return _ALIASES.get(info.name, info.name)
    return None


def _by_label(data: bytes, codec: str | None) -> str | None:
    if codec not in _STATEFUL:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            if codec is None or codec == "utf-8":
                return None
        else:
            # A few double-byte characters may look like UTF-8 by chance, more of them do not.
            if codec not in _DOUBLE_BYTE or len(data) - len(data.translate(None, _HIGH_BYTES)) >= _SURELY_UTF8:
                return text
    if codec == "cp1252" and _mostly_high(data):
        # No western text looks like this: its sender left the default label on another alphabet.
        return None
    if codec == "iso-2022-jp":
        return _decode_iso2022_jp(data)
    if codec == "utf-16":
        codec = _utf16_order(data)
    try:
        return data.decode(codec)
    except UnicodeError:
        return data.decode("latin-1").translate(_CP1252_OR_C1) if codec == "cp1252" else None


def _undeclared(data: bytes, codec: str | None, hint: str | None) -> str:
    """Text whose label is missing or wrong."""
    if codec in (None, "utf-8"):
        data = _SURROGATE_PAIR.sub(_joined, data)
        mixed = _line_by_line(data)
        if mixed is not None:
            return mixed
        if _mostly_utf8(data):
            return data.decode("utf-8", "replace")
    if b"\x1b$" in data[:_DETECT_BYTES]:
        return _decode_iso2022_jp(data)
    if hint is not None and hint not in ("utf-8", "utf-7") and not (hint == "cp1252" and _mostly_high(data)):
        try:
            return data.decode(hint)
        except UnicodeError:
            pass
    detected = _detect(data)
    if codec not in (None, "utf-8", "cp1252"):
        # A few bad bytes in a text that is otherwise what its label says.
        declared = data.decode(codec, "replace")
        if declared.count("\ufffd") * 20 <= len(declared) or detected is None:
            return declared
    for candidate in (detected, "gb18030" if codec == "utf-8" else None):
        if candidate is not None:
            try:
                return data.decode(candidate)
            except UnicodeError:
                continue
    if detected is not None and detected != "cp1252":
        text = data.decode(detected, "replace")
        if text.count("\ufffd") * 20 <= len(text):
            return text
    return data.decode("latin-1").translate(_CP1252_OR_C1)


def _detect(data: bytes) -> str | None:
    sample = data[:_DETECT_BYTES]
    if sample.isascii():
        high = _HIGH.search(data)
        start = max(0, high.start() - _DETECT_BYTES // 2) if high else 0
        sample = data[start : start + _DETECT_BYTES]
    for japanese in ("cp932", "euc_jis_2004"):
        if _is_kana(sample, japanese):
            return japanese
    guesses = chardet.detect_all(sample, encoding_era=chardet.EncodingEra.MODERN_WEB)
    scores = {codec: guess["confidence"] for guess in guesses if (codec := codec_for(guess["encoding"]))}
    scores.pop("utf-8", None)
    if _has_accents(sample):
        scores = {codec: score for codec, score in scores.items() if codec not in _OTHER_ALPHABETS}
        scores.setdefault("cp1252", 0)
    if not scores:
        return None
    best = max(scores, key=lambda codec: scores[codec])
    if best in _LATIN_NEIGHBOURS and "cp1252" in scores:
        # A few accents fit several Latin alphabets, and most mail is in the western one.
        best = "cp1252" if scores["cp1252"] * 1.4 >= scores[best] else best
    if best == "cp1250" and _LATIN_2_ONLY.search(sample) and not _C1.search(sample):
        return "iso8859-2"
    return best


def _is_kana(data: bytes, codec: str) -> bool:
    """Whether `codec` makes Japanese of `data`: no other text has so many syllables in it."""
    # The sample may end inside a character.
    text = data.decode(codec, "replace")[:-1]
    high = len(data) - len(data.translate(None, _HIGH_BYTES))
    return high > 4 and len(_KANA.findall(text)) * 3 >= high and not _NOT_JAPANESE.search(text)


def _has_accents(data: bytes) -> bool:
    """Whether high bytes stand one by one beside ASCII letters, as the accents of a Latin alphabet do."""
    runs = _HIGH_RUN.findall(data)
    in_words = len(_HIGH_RUN_IN_WORD.findall(data))
    return in_words * 2 >= len(runs) and sum(map(len, runs)) * 2 <= len(runs) * 3


def _mostly_high(data: bytes) -> bool:
    """Whether most characters are beyond ASCII, as in any alphabet but the Latin one."""
    visible = len(data.translate(None, b" \t\r\n0123456789"))
    return (visible - len(data.translate(None, _HIGH_BYTES + b" \t\r\n0123456789"))) * 10 > visible * 6


def _mostly_utf8(data: bytes) -> bool:
    """Truncated or damaged UTF-8: nearly all of its high bytes form valid sequences."""
    high = len(data) - len(_HIGH.sub(b"", data))
    valid = sum(len(sequence) for sequence in _UTF8_SEQUENCE.findall(data))
    if valid >= 3 and valid * 10 >= high * 9:
        return True
    broken = len(_HIGH_RUN.findall(_UTF8_SEQUENCE.sub(b" ", data)))
    return broken == 1 and high - valid <= 3 and valid >= high - valid and valid >= 2


def _line_by_line(data: bytes) -> str | None:
    """UTF-8 to which some program has added lines in Latin; None where a line is neither or where all are Latin."""
    lines: list[str] = []
    has_utf8 = False
    for line in data.splitlines(keepends=True):
        try:
            lines.append(line.decode())
        except UnicodeDecodeError:
            if _UTF8_SEQUENCE.search(line) or not _has_accents(line):
                return None
            lines.append(line.decode("latin-1").translate(_CP1252_OR_C1))
        else:
            has_utf8 = has_utf8 or not line.isascii()
    return "".join(lines) if has_utf8 else None


def _joined(pair: re.Match[bytes]) -> bytes:
    return pair[0].decode("utf-8", "surrogatepass").encode("utf-16-le", "surrogatepass").decode("utf-16-le").encode()


def _is_narrow(data: bytes) -> bool:
    """Whether text is not in the UTF-16 or UTF-32 that its label says: it has words and yet no zero byte."""
    if 0 in data or not (b" " in data or b"\n" in data) or data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return False
    return data.isascii() or _is_utf8(data)


def _is_utf8(data: bytes) -> bool:
    """Whether `data` has bytes beyond ASCII, and all of them are UTF-8."""
    if data.isascii():
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _utf16_order(data: bytes) -> str:
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    return "utf-16-be" if data[0:200:2].count(0) > data[1:200:2].count(0) else "utf-16-le"


def _decode_iso2022_jp(data: bytes) -> str:
    """ISO-2022-JP with what Windows puts into it: NEC row 13, IBM kanji, half-width kana, raw 8-bit bytes."""
    if data.isascii():
        for codec in ("iso2022_jp_ext", "iso2022_jp_2", "iso2022_jp_2004"):
            try:
                return data.decode(codec)
            except UnicodeError:
                continue
    pieces = re.split(rb"(\x1b\$[@B]|\x1b\([BJIH]|\x1b\$\(D)", data)
    text = [_plain_segment(pieces[0])]
    for escape, segment in zip(pieces[1::2], pieces[2::2], strict=True):
        if escape in (b"\x1b$@", b"\x1b$B"):
            text.append(_decode_jis(segment))
        elif escape == b"\x1b(I":
            text.append(bytes(byte | 0x80 for byte in segment).decode("cp932", "replace"))
        elif escape == b"\x1b$(D":
            text.append((escape + segment + b"\x1b(B").decode("iso2022_jp_ext", "replace"))
        else:
            text.append(_plain_segment(segment))
    return "".join(text)


def _plain_segment(segment: bytes) -> str:
    return segment.decode("ascii") if segment.isascii() else segment.decode("cp932", "replace")


def _decode_jis(segment: bytes) -> str:
    """A run of two-byte JIS X 0208 codes, through Shift_JIS so that cp932's vendor characters count."""
    out = bytearray()
    position, end = 0, len(segment)
    while position < end:
        row = segment[position]
        if row <= 0x20 or position + 1 >= end:
            # A line ending inside the shifted run: the sender forgot to shift out.
            out.append(row)
            position += 1
            continue
        row, cell = (row & 0x7F) - 0x21, (segment[position + 1] & 0x7F) - 0x21
        lead = row // 2 + (0x81 if row < 62 else 0xC1)
        trail = cell + (0x9F if row % 2 else 0x40 + (cell >= 63))
        out += bytes((lead & 0xFF, trail & 0xFF))
        position += 2
    return out.decode("cp932", "replace")
