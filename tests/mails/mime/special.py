"""Calendars, winmail.dat, signatures and encryption, reports, and files that are no mail."""

from __future__ import annotations

import base64

from tests.mails.mime import tnef_writer as tnef
from tests.mails.mime.case import CRLF, PDF, PNG, Case, attached, b64, case, file, html, mail, mixed, part, text

EVENT = CRLF.join(
    b"BEGIN:VCALENDAR|VERSION:2.0|METHOD:REQUEST|BEGIN:VTIMEZONE|TZID:Europe/Berlin|BEGIN:STANDARD|"
    b"DTSTART:19701025T030000|END:STANDARD|END:VTIMEZONE|BEGIN:VEVENT|UID:event-1@example.com|"
    b"SUMMARY:Printer maintenance\\, floor|  3|DTSTART;TZID=Europe/Berlin:20261123T100000|"
    b"DTEND;TZID=Europe/Berlin:20261123T110000|LOCATION:Room 3|ORGANIZER;CN=Ada:mailto:ada@example.com|"
    b"BEGIN:VALARM|TRIGGER:-PT15M|SUMMARY:alarm|END:VALARM|END:VEVENT|END:VCALENDAR|".split(b"|")
)
CALENDAR = {
    "method": "REQUEST", "uid": "event-1@example.com", "start": "2026-11-23T10:00:00", "end": "2026-11-23T11:00:00",
    "time_zone": "Europe/Berlin", "summary": "Printer maintenance, floor 3", "location": "Room 3",
    "organizer": "ada@example.com", "description": None,
}  # fmt: skip
ICS = "Content-Type: text/calendar; charset=utf-8; method=REQUEST"


def cases() -> list[Case]:
    return [*calendars(), *winmail(), *signed(), *encrypted(), *others()]


def calendars() -> list[Case]:
    zulu = EVENT.replace(b";TZID=Europe/Berlin:20261123T100000", b":20261123T090000Z")
    published = EVENT.replace(b"METHOD:REQUEST", b"METHOD:PUBLISH")
    all_day = EVENT.replace(b"DTSTART;TZID=Europe/Berlin:20261123T100000", b"DTSTART;VALUE=DATE:20261123")
    return [
        case("calendar_in_alternative", mixed(text("You are invited"), html("<p>You are invited</p>"), part(EVENT, ICS),
             subtype="alternative"), text="You are invited", calendar=CALENDAR,
             attachments=[attached("invite.ics", EVENT, "text/calendar")]),
        case("calendar_only", mail(published, ICS), calendar=CALENDAR | {"method": "PUBLISH"}, kind="calendar",
             text="Printer maintenance, floor 3\n2026-11-23T10:00:00 – 2026-11-23T11:00:00 Europe/Berlin\nRoom 3",
             attachments=[attached("invite.ics", published, "text/calendar")]),
        case("calendar_file", mixed(text("Here is the export."), file("export.ics", published, "text/calendar")),
             calendar=CALENDAR | {"method": "PUBLISH"}, kind="ordinary"),
        case("calendar_attached", mixed(text("x"), file("meeting.ics", EVENT, "text/calendar")), calendar=CALENDAR,
             kind="calendar",
             attachments=[attached("meeting.ics", EVENT, "text/calendar")]),
        case("calendar_in_utc", mixed(text("x"), part(zulu, ICS)),
             calendar=CALENDAR | {"start": "2026-11-23T09:00:00Z", "time_zone": None}),
        case("calendar_all_day", mixed(text("x"), part(all_day, ICS)),
             calendar=CALENDAR | {"start": "2026-11-23", "time_zone": None}),
        case("calendar_reply", mixed(text("x"), part(EVENT.replace(b"METHOD:REQUEST", b"METHOD:REPLY"),
             "Content-Type: text/calendar")), calendar=CALENDAR | {"method": "REPLY"}),
        case("calendar_is_garbage", mixed(text("x"), part("no calendar", ICS)), calendar=None,
             attachments=[attached("invite.ics", b"no calendar", "text/calendar")]),
    ]  # fmt: skip


def winmail() -> list[Case]:
    long_name = (0x1F, 0x3707, tnef.unicode_string("Angebot für März.pdf"))
    stream = tnef.tnef(tnef.attached_file("Angeb~1.pdf", PDF, long_name), tnef.attached_file("b.png", PNG))
    with_html = tnef.tnef(
        tnef.message_properties((0x102, 0x1013, b'<p>From <b>Outlook</b> <img src="cid:i@x"></p>')),
        tnef.attached_file("i.png", PNG, (0x1E, 0x3712, b"i@x\0"), (0x1E, 0x370E, b"image/png\0")),
    )
    with_text = tnef.tnef(tnef.message_properties((0x1F, 0x1000, tnef.unicode_string("Only Outlook knew this: ü"))))
    rtf = b"{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0 Arial;}}\\pard Gr\\'fc\\'dfe\\par aus K\\u246?ln}"
    mela = (len(rtf) + 12).to_bytes(4, "little") + len(rtf).to_bytes(4, "little") + b"MELA" + bytes(4) + rtf
    with_rtf = tnef.tnef(tnef.message_properties((0x102, 0x1009, mela)))
    inner = tnef.tnef(tnef.message_properties((0x1F, 0x1000, tnef.unicode_string("Inner body"))),
                      tnef.attached_file("deep.pdf", PDF))  # fmt: skip
    with_message = tnef.tnef(tnef.attached_file("note", b"", (0x0D, 0x3701, bytes(16) + inner)))
    broken = tnef.tnef(tnef.attached_file("a.pdf", PDF), tnef.attribute(1, 0x69003, b"\xff\xff\xff\xff\x77\x77"))

    def winmail_mail(data: bytes, body: bytes = text("See attached"), name: str = "winmail.dat") -> bytes:
        return mixed(body, file(name, data, "application/ms-tnef"))

    return [
        case("tnef_files", winmail_mail(stream), text="See attached",
             attachments=[attached("Angebot für März.pdf", PDF), attached("b.png", PNG, "image/png")]),
        case("tnef_under_another_type", mixed(text("x"), file("winmail.dat", stream, "application/octet-stream")),
             attachments=[attached("Angebot für März.pdf", PDF), attached("b.png", PNG, "image/png")]),
        case("tnef_as_the_whole_mail", mail(b64(stream), "Content-Type: application/ms-tnef; name=winmail.dat",
             "Content-Transfer-Encoding: base64"),
             attachments=[attached("Angebot für März.pdf", PDF), attached("b.png", PNG, "image/png")]),
        case("tnef_html_body", winmail_mail(with_html, text("")), text="From Outlook",
             html='<p>From <b>Outlook</b> <img src="cid:i@x"></p>',
             attachments=[attached("i.png", PNG, "image/png", inline=True, content_id="i@x")]),
        case("tnef_text_body", winmail_mail(with_text, text("")), text="Only Outlook knew this: ü", attachments=[]),
        case("tnef_rtf_body", winmail_mail(with_rtf, text("")), text="Grüße\naus Köln", attachments=[]),
        case("tnef_message_inside", winmail_mail(with_message), text="See attached",
             attachments=[attached("note.txt", b"Inner body", "text/plain"), attached("deep.pdf", PDF)]),
        case("tnef_damaged_property", winmail_mail(broken), attachments=[attached("a.pdf", PDF)],
             problems=["damaged_tnef"]),
        case("tnef_cut_off", winmail_mail(stream[:-60]), problems=["damaged_tnef"]),
        case("tnef_is_something_else", winmail_mail(b"no tnef at all"),
             attachments=[attached("winmail.dat", b"no tnef at all", "application/ms-tnef")]),
    ]  # fmt: skip


def der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes((size,)) if size < 128 else bytes((0x82,)) + size.to_bytes(2, "big")
    return bytes((tag,)) + length + content


def cms(oid: str, content: bytes, *, indefinite: bool = False) -> bytes:
    """A CMS ContentInfo around `content`: as SignedData the encapsulated entity, else opaque octets."""
    data = der(0x06, bytes.fromhex("2a864886f70d010701"))
    if indefinite:
        # As Outlook writes it: BER, the octets in pieces.
        pieces = b"".join(der(0x04, content[start : start + 50]) for start in range(0, len(content), 50))
        octets = b"\x24\x80" + pieces + b"\0\0"
        inner = b"\x30\x80" + data + b"\xa0\x80" + octets + b"\0\0\0\0"
        signed = b"\x30\x80" + der(0x02, b"\1") + der(0x31, b"") + inner + der(0x31, b"") + b"\0\0"
        return b"\x30\x80" + der(0x06, bytes.fromhex(oid)) + b"\xa0\x80" + signed + b"\0\0\0\0"
    inner = der(0x30, data + der(0xA0, der(0x04, content)))
    signed = der(0x30, der(0x02, b"\1") + der(0x31, b"") + inner + der(0x31, b""))
    return der(0x30, der(0x06, bytes.fromhex(oid)) + der(0xA0, signed))


SIGNED_DATA, ENVELOPED_DATA = "2a864886f70d010702", "2a864886f70d010703"


def signed() -> list[Case]:
    entity = mixed(text("Signed words"), file("offer.pdf", PDF), boundary="signed-limit")
    entity = entity[entity.index(b"Content-Type: multipart") :]
    armor = "-----BEGIN PGP SIGNATURE-----\n\niQFsample\n=abcd\n-----END PGP SIGNATURE-----\n"
    clear = ("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nClear words\n- -- \nAda\n" + armor)  # fmt: skip
    opaque, ber = cms(SIGNED_DATA, entity), cms(SIGNED_DATA, entity, indefinite=True)
    p7m = ('Content-Type: application/pkcs7-mime; smime-type=signed-data; name="smime.p7m"',
           "Content-Transfer-Encoding: base64")  # fmt: skip
    pgp = armor.encode()
    return [
        case("smime_detached", mail(mixed(text("Signed words"), part(b64(b"sig"), "Content-Transfer-Encoding: base64",
             'Content-Type: application/pkcs7-signature; name="smime.p7s"')).partition(b"\r\n\r\n")[2],
             'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary="outer-limit"'),
             text="Signed words", attachments=[attached("smime.p7s", b"sig", "application/pkcs7-signature")],
             problems=[]),
        case("smime_opaque", mail(b64(opaque), *p7m), text="Signed words",
             attachments=[attached("offer.pdf", PDF), attached("smime.p7m", opaque, "application/pkcs7-mime")],
             problems=[]),
        case("smime_opaque_ber", mail(b64(ber), *p7m), text="Signed words",
             attachments=[attached("offer.pdf", PDF), attached("smime.p7m", ber, "application/pkcs7-mime")]),
        case("pgp_mime", mail(mixed(text("Signed words"), part(pgp, "Content-Type: application/pgp-signature"))
             .partition(b"\r\n\r\n")[2],
             'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary="outer-limit"'),
             text="Signed words", attachments=[attached("signature.asc", pgp, "application/pgp-signature")]),
        case("pgp_clear_signed", mail(clear.replace("\n", "\r\n")), text="Clear words\n-- \nAda",
             attachments=[attached("signature.asc", pgp, "application/pgp-signature")]),
        case("pgp_key_in_the_text", mail("My key:\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nx\n"
             "-----END PGP PUBLIC KEY BLOCK-----\n"), problems=[], text_contains="My key:"),
    ]  # fmt: skip


def encrypted() -> list[Case]:
    enveloped = cms(ENVELOPED_DATA, b"secret")
    message = b"-----BEGIN PGP MESSAGE-----\r\n\r\nhQEsample\r\n-----END PGP MESSAGE-----\r\n"
    return [
        case("smime_encrypted", mail(b64(enveloped), 'Content-Type: application/pkcs7-mime; name="smime.p7m"',
             "Content-Transfer-Encoding: base64"), text="", problems=["encrypted"],
             attachments=[attached("smime.p7m", enveloped, "application/pkcs7-mime")]),
        case("pgp_mime_encrypted", mixed(part("Version: 1", "Content-Type: application/pgp-encrypted"),
             part(message, 'Content-Type: application/octet-stream; name="encrypted.asc"'), subtype="encrypted",
             extra='; protocol="application/pgp-encrypted"'), text="", problems=["encrypted"],
             attachments=[attached("attachment-1.asc", b"Version: 1", "application/pgp-encrypted"),
                          attached("encrypted.asc", message, "application/octet-stream")]),
        case("pgp_inline_encrypted", mail(message), problems=["encrypted"], text_contains="BEGIN PGP MESSAGE"),
        case("pgp_encrypted_only_quoted", mail("You wrote:\n> -----BEGIN PGP MESSAGE-----\nI cannot read that."),
             problems=[]),
    ]  # fmt: skip


def others() -> list[Case]:
    status = (b"Reporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: rfc822; bo@example.net\r\n"
              b"Action: failed\r\nStatus: 5.1.1\r\n")  # fmt: skip
    returned = b"From: ada@example.com\r\nSubject: gone\r\nMessage-ID: <gone@example.com>\r\n"
    ole = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)
    return [
        case("delivery_report", mixed(text("It could not be delivered."), part(status,
             "Content-Type: message/delivery-status"), part(returned, "Content-Type: text/rfc822-headers"),
             subtype="report", extra="; report-type=delivery-status"), text="It could not be delivered.", kind="bounce",
             bounce={"recipient": "bo@example.net", "status": "5.1.1", "action": "failed",
                     "original_message_id": "gone@example.com"},
             attachments=[attached("delivery-status.txt", status, "message/delivery-status"),
                          attached("returned-headers.txt", returned, "text/rfc822-headers")]),
        case("outlook_msg_is_no_mail", ole, problems=["not_a_mail"],
             attachments=[attached("message.msg", ole, "application/vnd.ms-outlook")]),
        case("amp_alternative", mixed(text("Plain"), part("<html amp4email></html>", "Content-Type: text/x-amp-html"),
             html("<p>Rich</p>"), subtype="alternative"), text="Plain", html="<p>Rich</p>",
             attachments=[attached("attachment-1.html", b"<html amp4email></html>", "text/x-amp-html")]),
        case("apple_double", mixed(text("x"), part(base64.b64encode(b"fork"), "Content-Type: application/applefile",
             "Content-Transfer-Encoding: base64", 'Content-Disposition: attachment; filename="%offer.pdf"'),
             file("offer.pdf", PDF), subtype="appledouble"),
             attachments=[attached("%offer.pdf", b"fork", "application/applefile"), attached("offer.pdf", PDF)]),
    ]  # fmt: skip
