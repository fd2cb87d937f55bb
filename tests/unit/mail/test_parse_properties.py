"""Whatever the bytes are, parsing ends with a result whose strings Postgres takes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.email import ParsedEmail
from mail.addresses import parse_addresses
from mail.charsets import decode
from mail.dates import parse_date
from mail.encoded_words import decode_words
from mail.headers import Headers
from mail.limits import Limits
from mail.parameters import parse_value
from mail.parse import Parsed, parse
from mail.tnef import SIGNATURE, read_tnef
from tests.mails.mime.case import PDF, b64, file, mail, mixed, multipart, part, text

SAMPLES = [path.read_bytes() for path in sorted((Path(__file__).parents[2] / "mails" / "mime").glob("*.eml"))]
SMALL = [raw for raw in SAMPLES if len(raw) < 5_000]
# A shared machine is slow at times; how long a mail may take has its own test.
untimed = settings(deadline=None)
FAILURES = {"parser_error", "parser_memory", "headers_unreadable"}


def assert_sound(parsed: Parsed) -> None:
    codes = {problem.code for problem in parsed.email.problems}
    assert not codes & FAILURES, parsed.email.problems
    assert not [code for code in codes if code.endswith("_unread")], parsed.email.problems
    dumped = parsed.email.model_dump_json()
    assert "\\u0000" not in dumped.replace("\\\\", "")
    assert ParsedEmail.model_validate_json(dumped.encode()) == parsed.email
    assert [part.attachment for part in parsed.parts] == parsed.email.attachments


@untimed
@given(st.binary(max_size=2_000))
def test_any_bytes(raw: bytes) -> None:
    assert_sound(parse(raw))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SMALL), st.data())
def test_any_damage_to_a_mail(raw: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, min(len(raw), start + 60)))
    assert_sound(parse(raw[:start] + data.draw(st.binary(max_size=30)) + raw[end:]))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SMALL), st.sampled_from(SMALL), st.data())
def test_any_two_mails_spliced(first: bytes, second: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(first)))
    resume = data.draw(st.integers(0, len(second)))
    assert_sound(parse(first[:cut] + second[resume:]))


@untimed
@given(st.binary(max_size=400), st.one_of(st.none(), st.text(max_size=30), st.sampled_from(["utf-7", "hz", "utf-16"])))
def test_any_charset_label(data: bytes, label: str | None) -> None:
    text = decode(data, label)
    assert "\0" not in text
    text.encode()


@untimed
@given(st.text(alphabet=st.sampled_from('<>@,;:"\\() =?uQB.a-é'), max_size=120))
def test_any_address_field(value: str) -> None:
    addresses, _ = parse_addresses(value, 50)
    assert all(address.address for address in addresses)
    assert len(addresses) <= 50


@untimed
@given(st.text(max_size=120))
def test_any_header_values(value: str) -> None:
    parse_date(value)
    parse_value(value)
    decode_words(value)
    assert list(Headers(value.encode("utf-8", "surrogatepass")).items()) is not None


@untimed
@given(st.binary(max_size=600))
def test_any_tnef(data: bytes) -> None:
    assert all(isinstance(file.content, bytes) for file in read_tnef(SIGNATURE + b"\1\0" + data).files)


@untimed
@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=60))
def test_subject_survives_being_encoded(subject: str) -> None:
    encoded = "".join(f"={byte:02X}" for byte in subject.encode())
    parsed = parse(mail("x", f"Subject: =?utf-8?Q?{encoded}?="))
    # At the start of a text U+FEFF is its byte order mark (RFC 3629, section 6), not a character of it.
    assert parsed.email.subject.split() == subject.removeprefix("\ufeff").split()


@untimed
@given(st.lists(st.binary(max_size=300).filter(lambda content: not content.startswith(SIGNATURE)), max_size=5))
def test_every_leaf_is_there_once_and_byte_exact(contents: list[bytes]) -> None:
    raw = mixed(text("Body"), *(file(f"{number}.bin", content) for number, content in enumerate(contents)))
    parsed = parse(raw)
    assert [part.content for part in parsed.parts] == contents
    assert parsed.email.text.strip() == "Body"


TNEF_START = SIGNATURE + b"\1\0"


def encoded(content: bytes, subtype: str) -> bytes:
    return mail(b64(content), f"Content-Type: application/{subtype}", "Content-Transfer-Encoding: base64")


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(mail("x", "To: " + '"' * 500_000), id="quotes in To"),
        pytest.param(mail("x", "From: " + "(" * 500_000), id="comments in From"),
        pytest.param(mail("x", "References: " + "<a@b> " * 200_000), id="references"),
        pytest.param(mail("x", "Subject: " + "=?utf-8?Q?" * 100_000), id="encoded words without end"),
        pytest.param(mail("x", "Content-Type: text/plain" + '; a="' * 100_000), id="parameters"),
        pytest.param(mail("x", *("X-Field: y" for _ in range(50_000))), id="header fields"),
        pytest.param(mail("x", "Subject: a" + "\r\n b" * 200_000), id="folds"),
        pytest.param(b"no header line\r\n" * 100_000, id="no header"),
        pytest.param(mail("--b\r\n" * 200_000, "Content-Type: multipart/mixed; boundary=b"), id="delimiters"),
        pytest.param(mail("--b" * 400_000, "Content-Type: multipart/mixed; boundary=b"), id="delimiters in a line"),
        pytest.param(mail("<div>" * 300_000, "Content-Type: text/html"), id="nested html"),
        pytest.param(mail("<" * 1_000_000, "Content-Type: text/html"), id="less-than signs"),
        pytest.param(mail('<img src="cid:' * 100_000, "Content-Type: text/html"), id="content ids"),
        pytest.param(mail("data:image/png;base64," * 100_000, "Content-Type: text/html"), id="data images"),
        pytest.param(mail("begin 644 x\n" * 100_000), id="uuencode beginnings"),
        pytest.param(mail("=ybegin name=x\n" * 100_000), id="yEnc beginnings"),
        pytest.param(mail("-----BEGIN PGP SIGNED MESSAGE-----\n\n" * 50_000), id="PGP beginnings"),
        pytest.param(mail("=" * 1_000_000, "Content-Transfer-Encoding: base64"), id="padding"),
        pytest.param(mail("= " * 500_000, "Content-Transfer-Encoding: quoted-printable"), id="soft breaks"),
        pytest.param(mail(b"\x1b$B" * 300_000, "Content-Type: text/plain; charset=iso-2022-jp"), id="escapes"),
        pytest.param(mail(b"\xe4 " * 500_000), id="undeclared charset"),
        pytest.param(mail("> " * 500_000), id="quote marks"),
        pytest.param(mail("BEGIN:VCALENDAR\n" + "A;" * 400_000, "Content-Type: text/calendar"), id="calendar line"),
        pytest.param(encoded(TNEF_START + b"\2\2\x90\6\0\0\0\0\0" * 50_000, "ms-tnef"), id="TNEF attributes"),
        pytest.param(encoded(bytes.fromhex("3080") * 100_000, "pkcs7-mime"), id="nested BER"),
    ],
)  # fmt: skip
def test_no_mail_takes_long(raw: bytes) -> None:
    started = time.process_time()
    assert_sound(parse(raw))
    assert time.process_time() - started < 3.0


def test_limits_keep_what_was_read_until_then() -> None:
    raw = mixed(text("Body"), *(file(f"{number}.bin", PDF) for number in range(10)))
    parsed = parse(raw, limits=Limits(parts=4, decoded_bytes=2 * len(PDF)))
    assert parsed.email.text.strip() == "Body"
    assert [part.content for part in parsed.parts] == [PDF, PDF]
    assert {problem.code for problem in parsed.email.problems} >= {"too_many_parts", "decoded_too_large"}
    cut = parse(raw, limits=Limits(raw_bytes=200))
    assert cut.email.subject == "Printer on floor 3"
    assert "mail_too_large" in {problem.code for problem in cut.email.problems}


def test_nested_mail_is_byte_exact_in_any_line_ending() -> None:
    inner = b"Subject: inner\nX-Odd : value \n\n\tbody\r\n with  both\n\n"
    raw = mail(multipart("b", part(inner, "Content-Type: message/rfc822")), "Content-Type: multipart/mixed; boundary=b")
    (found,) = parse(raw).parts
    assert found.content == inner


def test_part_that_cannot_be_read_is_kept_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr("mail.contents.read_calendar", broken)
    calendar = part(b"BEGIN:VCALENDAR", "Content-Type: text/calendar", "Content-Transfer-Encoding: 7bit")
    parsed = parse(mixed(text("Body"), calendar, file("offer.pdf", PDF)))
    assert parsed.email.text.strip() == "Body"
    assert [part.content for part in parsed.parts] == [b"BEGIN:VCALENDAR", PDF]
    assert [problem.code for problem in parsed.email.problems] == ["part_unread"]


def test_headers_survive_when_nothing_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr("mail.parse.select", broken)
    email = parse(b"From x\n" + mail("Body")).email
    assert email.subject == "Printer on floor 3"
    assert email.from_[0].address == "ada@example.com"
    assert [problem.code for problem in email.problems] == ["parser_error"]
