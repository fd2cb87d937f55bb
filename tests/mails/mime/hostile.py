"""Mail that is made to hurt. Small here; the large ones are made by the tests."""

from __future__ import annotations

from tests.mails.mime.case import PDF, Case, attached, case, file, mail, mixed, multipart, part, person, text


def deep(levels: int) -> bytes:
    body = text("At the bottom")
    for level in range(levels):
        body = part(multipart(f"level-{level}", body), f"Content-Type: multipart/mixed; boundary=level-{level}")
    head, _, rest = body.partition(b"\r\n\r\n")
    return mail(rest, head)


def cases() -> list[Case]:
    return [
        case("nested_twenty_deep", deep(20), text="At the bottom", problems=[]),
        case("nested_too_deep", deep(80), subject="Printer on floor 3", problems=["too_deep"]),
        case("many_parts", mail(multipart("b", *(text("x") for _ in range(2_100))),
             "Content-Type: multipart/mixed; boundary=b"), problems=["too_many_parts"]),
        case("many_recipients", mail("x", "To: " + ", ".join(f"u{n}@example.com" for n in range(2_100))),
             problems=["too_many_addresses"]),
        case("many_references", mail("x", "References: " + " ".join(f"<r{n}@example.com>" for n in range(600))),
             problems=["too_many_references"]),
        case("many_quotes_in_from", mail("x", "From: " + '"' * 5_000 + "<ada@example.com>"),
             from_=[person("ada@example.com")]),
        case("many_parameters", mail("x", "Content-Type: text/plain" + "".join(f"; p{n}=v" for n in range(3_000))),
             text="x"),
        case("many_encoded_words", mail("x", "Subject: " + "=?utf-8?Q?a?= " * 3_000), subject="a" * 3_000),
        case("header_injection_in_a_name", mail("x", "To: =?utf-8?Q?Ada=0D=0ABcc:_x?= <ada@example.com>"),
             to=[person("ada@example.com", "Ada Bcc: x")]),
        case("boundary_is_empty", mail("--\r\nContent-Type: text/plain\r\n\r\nx\r\n----\r\n",
             'Content-Type: multipart/mixed; boundary=""'), subject="Printer on floor 3"),
        case("boundary_of_dashes", mail(multipart("----", text("Dashes"), file("offer.pdf", PDF)),
             'Content-Type: multipart/mixed; boundary="----"'), text="Dashes",
             attachments=[attached("offer.pdf", PDF)]),
        case("message_inside_message_inside", mixed(text("x"), part("Content-Type: message/rfc822\r\n\r\n" * 200,
             "Content-Type: message/rfc822")), text="x"),
        case("bidi_in_the_subject", mail("x", "Subject: =?utf-8?Q?pay_=E2=80=AEnow?="), subject_contains="pay"),
    ]  # fmt: skip
