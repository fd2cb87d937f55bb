"""Content-Transfer-Encodings, files inside text, and paragraphs of format=flowed."""

from __future__ import annotations

import base64
import binascii

from tests.mails.mime.case import CRLF, PDF, Case, attached, b64, case, file, mail, mixed, part, text

PLAIN = "Content-Type: text/plain; charset=utf-8"


def cases() -> list[Case]:
    return [*base64_cases(), *quoted_printable(), *embedded(), *flowed()]


def pdf_part(body: bytes, encoding: str = "base64") -> bytes:
    return part(body, "Content-Type: application/pdf", f"Content-Transfer-Encoding: {encoding}",
                'Content-Disposition: attachment; filename="offer.pdf"')  # fmt: skip


def base64_cases() -> list[Case]:
    pdf = attached("offer.pdf", PDF)
    digits = base64.b64encode(PDF)
    broken = digits[:20] + b"!!! *** \r\n" + digits[20:]
    return [
        case("base64_text", mail(b64("Grüße\r\nund mehr".encode()), PLAIN, "Content-Transfer-Encoding: base64"),
             text="Grüße\nund mehr"),
        case("base64_one_line", mixed(text("x"), pdf_part(digits)), attachments=[pdf]),
        case("base64_spaces_in_the_encoding", mixed(text("x"), pdf_part(digits, " BASE64 ; really")),
             attachments=[pdf]),
        case("base64_foreign_characters", mixed(text("x"), pdf_part(broken)), attachments=[pdf]),
        case("base64_without_padding", mixed(text("x"), pdf_part(base64.b64encode(PDF + b"!").rstrip(b"="))),
             attachments=[attached("offer.pdf", PDF + b"!")]),
        case("base64_padding_in_the_middle", mixed(text("x"), pdf_part(base64.b64encode(b"one more") + CRLF
             + base64.b64encode(b" and another"))), attachments=[attached("offer.pdf", b"one more and another")]),
        case("base64_one_digit_too_many", mixed(text("x"), pdf_part(base64.b64encode(b"abcdef") + b"Q")),
             attachments=[attached("offer.pdf", b"abcdef")], problems=["damaged_encoding"]),
        case("base64_of_urls", mixed(text("x"), pdf_part(base64.urlsafe_b64encode(b"\xff\xfe\xfb" * 30))),
             attachments=[attached("offer.pdf", b"\xff\xfe\xfb" * 30)]),
        case("base64_stray_hyphen", mixed(text("x"), pdf_part(b"AAAA-BBBBCCCC")),
             attachments=[attached("offer.pdf", base64.b64decode("AAAABBBBCCCC"))]),
        case("base64_above_dashes", mail(b64(b"Three words here") .rstrip(b"=") + CRLF + b"--" + CRLF, PLAIN,
             "Content-Transfer-Encoding: base64"), text="Three words here"),
        case("base64_blank_lines", mixed(text("x"), pdf_part(CRLF + CRLF + b64(PDF) + CRLF + CRLF)), attachments=[pdf]),
        case("base64_empty", mixed(text("x"), pdf_part(b"")), attachments=[attached("offer.pdf", b"")]),
        case("base64_with_a_list_footer", mail(b64(b"Words that need no padding!!!") + CRLF + b"_" * 47 + CRLF
             + b"Printers mailing list" + CRLF + b"https://lists.example.org/printers" + CRLF, PLAIN,
             "Content-Transfer-Encoding: base64"), text="Words that need no padding!!!"),
        case("base64_file_with_a_list_footer", mixed(text("x"), pdf_part(b64(PDF) + CRLF + CRLF
             + b"You receive this as a member of the list." + CRLF)), attachments=[pdf]),
        case("encoding_only_declared", mail("Hello, nobody has encoded this.\r\n\r\nBye", PLAIN,
             "Content-Transfer-Encoding: base64"), text="Hello, nobody has encoded this.\n\nBye",
             problems=["damaged_encoding"]),
        case("encoding_is_the_other", mail("Gr=C3=BC=C3=9Fe aus K=C3=B6ln", PLAIN, "Content-Transfer-Encoding: base64"),
             text="Grüße aus Köln", problems=["damaged_encoding"]),
        case("encoding_twice", mail(b64("Grüße".encode()), PLAIN, "Content-Transfer-Encoding: 7bit",
             "Content-Transfer-Encoding: base64"), text="Grüße", problems=[]),
        case("encoding_misspelt", mail("Gr=C3=BC=C3=9Fe", PLAIN, "Content-Transfer-Encoding: quoted_printable"),
             text="Grüße", problems=[]),
        case("encoding_with_a_comma", mail("Gr=C3=BC=C3=9Fe", PLAIN, "Content-Transfer-Encoding: quoted-printable,"),
             text="Grüße", problems=[]),
        case("encoding_unknown", mixed(text("x"), pdf_part(PDF, "x-mystery")), attachments=[pdf],
             problems=["damaged_encoding"]),
        case("encoding_8bit", mail("Grüße", PLAIN, "Content-Transfer-Encoding: 8BIT"), text="Grüße", problems=[]),
        case("large_line", mail("x" * 200_000, PLAIN), text="x" * 200_000),
    ]  # fmt: skip


def quoted_printable() -> list[Case]:
    def quoted(name: str, body: str, meaning: str) -> Case:
        raw = mail(body, PLAIN, "Content-Transfer-Encoding: quoted-printable")
        return case(f"quoted_{name}", raw, text=meaning)

    return [
        quoted("text", "Gr=C3=BC=C3=9Fe=\r\n aus K=C3=B6ln", "Grüße aus Köln"),
        quoted("lower_case", "Gr=c3=bc=c3=9fe", "Grüße"),
        quoted("space_after_soft_break", "one =  \r\ntwo", "one two"),
        quoted("broken_hex", "100 =% and =ZZ stay", "100 =% and =ZZ stay"),
        quoted("equals_at_the_end", "cut off=", "cut off"),
        quoted("encoded_trailing_space", "one=20\r\ntwo", "one \ntwo"),
        quoted("encoded_line_breaks", "one=0D=0Atwo", "one\ntwo"),
        quoted("split_character", "Gr=C3=\r\n=BC=C3=9Fe", "Grüße"),
        quoted("raw_8bit", "Grüße =C3=A9", "Grüße é"),
        case("quoted_in_capitals", mail("Gr=C3=BC=C3=9Fe", PLAIN, "content-transfer-encoding: QUOTED-PRINTABLE"),
             text="Grüße"),
        case("quoted_attachment", mixed(text("x"), part("a=3Db\r\nc=\r\nd", 'Content-Type: text/csv; name="t.csv"',
             "Content-Transfer-Encoding: quoted-printable", "Content-Disposition: attachment")),
             attachments=[attached("t.csv", b"a=b\r\ncd", "text/csv")]),
    ]  # fmt: skip


def uuencoded(name: str, content: bytes) -> bytes:
    lines = [binascii.b2a_uu(content[start : start + 45]).rstrip(b"\n") for start in range(0, len(content), 45)]
    return CRLF.join([b"begin 644 " + name.encode(), *lines, b"`", b"end", b""])


def yencoded(name: str, content: bytes) -> bytes:
    out = bytearray()
    for byte in content:
        shifted = (byte + 42) & 0xFF
        out += bytes((0x3D, (shifted + 64) & 0xFF)) if shifted in (0, 10, 13, 0x3D) else bytes((shifted,))
    head = f"=ybegin line=128 size={len(content)} name={name}".encode()
    return CRLF.join([head, bytes(out), f"=yend size={len(content)}".encode(), b""])


def embedded() -> list[Case]:
    data = bytes(range(256)) + b"=end of it\r\n"
    blob = attached("blob.bin", data, "application/octet-stream")
    pdf = attached("offer.pdf", PDF, "application/pdf")
    return [
        case("uuencode", mail(b"Here it is:\r\n\r\n" + uuencoded("offer.pdf", PDF) + b"\r\nBye\r\n"),
             text="Here it is:\n\n\nBye", attachments=[pdf]),
        case("uuencode_two_files", mail(uuencoded("offer.pdf", PDF) + uuencoded("blob.bin", data)), text="",
             attachments=[pdf, blob]),
        case("uuencode_is_only_mentioned", mail("To start, type:\r\nbegin 644 is the first line of such a file.\r\n"),
             text="To start, type:\nbegin 644 is the first line of such a file.", attachments=[]),
        case("uuencode_of_nothing", mail("begin 644 means that all may read\r\nend\r\n"),
             text="begin 644 means that all may read\nend", attachments=[]),
        case("uuencode_as_transfer_encoding", mixed(text("x"), pdf_part(uuencoded("other.pdf", PDF), "x-uuencode")),
             attachments=[attached("offer.pdf", PDF)]),
        case("uuencode_not_ended", mail(b"Cut:\r\n" + uuencoded("blob.bin", data)[:200]), text_contains="Cut:"),
        case("yenc", mail(b"Post:\r\n" + yencoded("blob.bin", data)), text="Post:", attachments=[blob]),
    ]  # fmt: skip


def flowed() -> list[Case]:
    flow = "Content-Type: text/plain; charset=utf-8; format=flowed"
    return [
        case("flowed", mail("A paragraph that \r\nis flowed over \r\nthree lines.\r\n\r\nAnother.\r\n", flow),
             text="A paragraph that is flowed over three lines.\n\nAnother."),
        case("flowed_delsp", mail("こんに \r\nちは\r\n", flow + "; delsp=yes"), text="こんにちは"),
        case("flowed_signature", mail("Bye \r\n-- \r\nAda\r\n", flow), text="Bye \n-- \nAda"),
        case("flowed_quotes", mail("> quoted words \r\n> go on\r\nanswer\r\n>> deeper \r\n> less deep\r\n", flow),
             text="> quoted words go on\nanswer\n>> deeper \n> less deep"),
        case("flowed_space_stuffing", mail(" From here\r\n >not a quote\r\n", flow), text="From here\n>not a quote"),
        case("fixed_stays_fixed", mail("trailing space \r\nstays fixed\r\n", PLAIN),
             text="trailing space \nstays fixed"),
        case("flowed_beside_a_file", mixed(part("It \r\nflows", flow), file("offer.pdf", PDF)), text="It flows",
             attachments=[attached("offer.pdf", PDF)]),
    ]  # fmt: skip
