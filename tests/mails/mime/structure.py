"""Trees: every shape in which bodies and attachments come, whole and broken."""

from __future__ import annotations

from tests.mails.mime.case import (
    CRLF,
    DATE_ISO,
    PDF,
    PNG,
    Case,
    attached,
    b64,
    case,
    file,
    html,
    mail,
    mixed,
    multipart,
    nested,
    part,
    person,
    text,
)  # fmt: skip

IMAGE = ("Content-Type: image/png", "Content-Transfer-Encoding: base64")


def image(content_id: str | None = None, name: str | None = None, disposition: str = "inline") -> bytes:
    fields = [*IMAGE]
    if name:
        fields[0] = f'Content-Type: image/png; name="{name}"'
        fields.append(f'Content-Disposition: {disposition}; filename="{name}"')
    if content_id:
        fields.append(f"Content-ID: <{content_id}>")
    return part(b64(PNG), *fields)


def cases() -> list[Case]:
    return [*whole(), *bodies(), *attachments(), *messages(), *broken()]


def whole() -> list[Case]:
    pdf = attached("offer.pdf", PDF)
    return [
        case("plain", mail("It is out of paper.\r\n"), text="It is out of paper.", html="", attachments=[],
             subject="Printer on floor 3", from_=[person("ada@example.com", "Ada Example")],
             to=[person("help@example.org")], date=DATE_ISO, message_id="case@example.com", problems=[]),
        case("plain_lf_only", mail("Line one\r\nLine two\r\n").replace(CRLF, b"\n"), text="Line one\nLine two",
             subject="Printer on floor 3", problems=[]),
        case("plain_cr_only", mail("Line one\r\nLine two\r\n").replace(CRLF, b"\r"), text="Line one\nLine two",
             subject="Printer on floor 3"),
        case("plain_mixed_line_endings", mail(b"One\r\nTwo\nThree\r\n").replace(b"To: help@example.org\r\n",
             b"To: help@example.org\n"), text="One\nTwo\nThree", to=[person("help@example.org")]),
        case("plain_doubled_cr", mail("One\r\nTwo\r\n").replace(CRLF, b"\r\r\n"), text="One\nTwo",
             subject="Printer on floor 3"),
        case("html_only", mail("<html><body><p>It is <b>out</b> of paper.</p><p>Thanks</p></body></html>",
             "Content-Type: text/html; charset=utf-8"), text="It is out of paper.\n\nThanks",
             html="<html><body><p>It is <b>out</b> of paper.</p><p>Thanks</p></body></html>"),
        case("undeclared_html", mail("<!DOCTYPE html><html><body><p>No type at all</p></body></html>\r\n"),
             text="No type at all", html="<!DOCTYPE html><html><body><p>No type at all</p></body></html>"),
        case("alternative", mixed(text("Plain words"), html("<p>Rich <i>words</i></p>"), subtype="alternative"),
             text="Plain words", html="<p>Rich <i>words</i></p>", attachments=[], problems=[]),
        case("mixed_text_and_file", mixed(text("See the offer."), file("offer.pdf", PDF)), text="See the offer.",
             attachments=[pdf], problems=[]),
        case("mixed_alternative_and_file", mixed(nested("alternative", text("Plain"), html("<p>Rich</p>")),
             file("offer.pdf", PDF)), text="Plain", html="<p>Rich</p>", attachments=[pdf]),
        case("alternative_with_related", mixed(text("Plain"), nested("related",
             html('<p>Logo <img src="cid:logo@x"></p>'),
             image("logo@x", "logo.png")), subtype="alternative"), text="Plain",
             html='<p>Logo <img src="cid:logo@x"></p>',
             attachments=[attached("logo.png", PNG, "image/png", inline=True, content_id="logo@x")]),
        case("mixed_related_alternative", mixed(nested("related", nested("alternative", text("P"),
             html('<img src="cid:a@x">'), boundary="innermost"), image("a@x")), file("offer.pdf", PDF)), text="P",
             attachments=[attached("image-1.png", PNG, "image/png", inline=True, content_id="a@x"), pdf]),
        case("only_an_attachment", mixed(file("offer.pdf", PDF)), text="", html="", attachments=[pdf]),
        case("root_is_a_pdf", mail(b64(PDF), 'Content-Type: application/pdf; name="offer.pdf"',
             "Content-Transfer-Encoding: base64"), text="", attachments=[pdf]),
        case("root_is_an_image", mail(b64(PNG), "Content-Type: image/png", "Content-Transfer-Encoding: base64"),
             text="", attachments=[attached("image-1.png", PNG, "image/png")]),
        case("headers_only", mail(b"").rstrip(), text="", subject="Printer on floor 3",
             from_=[person("ada@example.com", "Ada Example")]),
        case("empty_body", mail(b""), text="", attachments=[], problems=[]),
        case("empty_parts", mixed(text(""), file("offer.pdf", PDF)), text="", attachments=[pdf]),
        case("zero_byte_attachment", mixed(text("Nothing inside"), file("empty.txt", b"", "text/plain")),
             text="Nothing inside", attachments=[attached("empty.txt", b"", "text/plain")]),
    ]  # fmt: skip


def bodies() -> list[Case]:
    return [
        case("two_texts", mixed(text("First."), text("Second.")), text="First.\nSecond.", attachments=[]),
        case("text_file_text", mixed(text("Before."), image(name="shot.png"), text("After.")), text="Before.\nAfter.",
             attachments=[attached("shot.png", PNG, "image/png")]),
        case("html_file_html", mixed(html("<p>Before</p>"), image(name="shot.png"), html("<p>After</p>")),
             html="<p>Before</p>\n<p>After</p>", attachments=[attached("shot.png", PNG, "image/png")]),
        case("html_with_list_footer", mixed(html("<p>Question about the list</p>"), text("List footer")),
             text="Question about the list\nList footer", html="<p>Question about the list</p>"),
        case("mixed_repeats_itself", mixed(text("Same words here"), html("<p>Same words here</p>")),
             text="Same words here", html="<p>Same words here</p>"),
        case("alternative_holds_the_file", mixed(text("Plain"), nested("mixed", html("<p>Rich</p>"),
             file("offer.pdf", PDF)), subtype="alternative"), text="Plain", html="<p>Rich</p>",
             attachments=[attached("offer.pdf", PDF)]),
        case("alternative_directly_with_file", mixed(text("Plain"), html("<p>Rich</p>"), file("offer.pdf", PDF),
             subtype="alternative"), text="Plain", html="<p>Rich</p>", attachments=[attached("offer.pdf", PDF)]),
        case("alternative_named_bodies", mixed(part("Plain", 'Content-Type: text/plain; name="body.txt"'),
             part("<p>Rich</p>", 'Content-Type: text/html; name="body.html"'), subtype="alternative"), text="Plain",
             html="<p>Rich</p>", attachments=[]),
        case("alternative_html_first", mixed(html("<p>Rich</p>"), text("Plain"), subtype="alternative"), text="Plain",
             html="<p>Rich</p>", attachments=[]),
        case("alternative_empty_text", mixed(text("\r\n"), html("<p>Only here</p>"), subtype="alternative"),
             text="Only here", html="<p>Only here</p>"),
        case("alternative_stub_text", mixed(text("Your email client does not support HTML mail."),
             html("<p>The order 4711 has been shipped today and will arrive on Monday before noon.</p>"),
             subtype="alternative"),
             text="The order 4711 has been shipped today and will arrive on Monday before noon."),
        case("alternative_short_but_real_text", mixed(text("Yes, HTML is fine."), html("<p>Yes.</p>"),
             subtype="alternative"), text="Yes, HTML is fine."),
        case("enriched_only", mail("<bold>Now</bold> and then", "Content-Type: text/enriched"), text="Now and then"),
        case("enriched_line_breaks", mail("<center>Now <param>red</param>or\r\nnever</center>\r\n\r\n1 << 2",
             "Content-Type: text/enriched"), text="Now or never\n1 < 2"),
        case("richtext", mail("<bold>Now</bold> or\r\nnever<nl>1 <lt> 2", "Content-Type: text/richtext"),
             text="Now or never\n1 < 2"),
        case("plain_is_a_whole_html_document", mail("<html><body><p>Paper <b>jam</b></p></body></html>\r\n",
             "Content-Type: text/plain"), text="Paper jam"),
        case("plain_begins_with_a_tag", mail("<html> is the first tag of a page.", "Content-Type: text/plain"),
             text="<html> is the first tag of a page.", html=""),
        case("enriched_nofill", mail("<nofill>one\r\ntwo</nofill>", "Content-Type: text/enriched"), text="one\ntwo"),
        case("type_text_of_an_unknown_kind", mail("Just text", "Content-Type: text/x-unheard-of"), text="Just text",
             attachments=[]),
        case("type_with_spaces", mail("<p>Hi</p>", "Content-Type: text / html"), html="<p>Hi</p>"),
        case("type_twice_once_with_a_boundary", mail(multipart("b1", text("Hi"), file("offer.pdf", PDF)),
             "Content-Type: text/plain", "Content-Type: multipart/mixed; boundary=b1"), text="Hi",
             attachments=[attached("offer.pdf", PDF)]),
        case("type_is_only_a_charset", mail("Grüße".encode("latin-1"), "Content-Type: charset=iso-8859-1"),
             text="Grüße"),
        case("type_reversed", mail("Just text", "Content-Type: plain/text"), text="Just text", attachments=[]),
        case("named_text_is_the_only_text", mail("All there is", 'Content-Type: text/plain; name="mail.txt"'),
             text="All there is", attachments=[]),
        case("named_text_beside_a_body", mixed(text("Body"), part("a;b", 'Content-Type: text/plain; name="t.csv"')),
             text="Body", attachments=[attached("t.csv", b"a;b", "text/plain")]),
        case("inline_named_text_is_a_file", mixed(text("Body"), part("log line",
             "Content-Type: text/plain", 'Content-Disposition: inline; filename="app.log"')), text="Body",
             attachments=[attached("app.log", b"log line", "text/plain")]),
        case("html_file_is_attached", mixed(text("Body"), part("<p>Page</p>", "Content-Type: text/html",
             'Content-Disposition: attachment; filename="page.html"')), text="Body", html="",
             attachments=[attached("page.html", b"<p>Page</p>", "text/html")]),
        case("type_in_capitals", mail("<P>Loud</P>", "CONTENT-TYPE: TEXT/HTML; CHARSET=UTF-8"), html="<P>Loud</P>"),
        case("type_without_subtype", mail("Just text", "Content-Type: text"), text="Just text"),
        case("type_is_garbage", mail("Just text", "Content-Type: ;;;="), text="Just text"),
        case("type_with_comment", mail("Just text", "Content-Type: text/plain (as ever); charset=utf-8 (really)"),
             text="Just text"),
        case("type_twice", mail("<p>x</p>", "Content-Type: text/html", "Content-Type: text/plain"), html="<p>x</p>"),
        case("data_image", mail('<p>Chart <img src="data:image/png;base64,' + b64(PNG).decode().replace("\r\n", "")
             + '"></p>', "Content-Type: text/html"), text="Chart",
             attachments=[attached("image-1.png", PNG, "image/png", inline=True,
                                   content_id=attached("", PNG)["sha256"][:32] + "@data.invalid")]),
    ]  # fmt: skip


def attachments() -> list[Case]:
    return [
        case("inline_though_attached", mixed(html('<img src="cid:pic%40x">'), image("pic@x", "pic.png", "attachment"),
             subtype="related"),
             attachments=[attached("pic.png", PNG, "image/png", inline=True, content_id="pic@x")]),
        case("attached_though_inline", mixed(html("<p>No picture here</p>"), image("pic@x", "pic.png", "inline"),
             subtype="related"),
             attachments=[attached("pic.png", PNG, "image/png", inline=False, content_id="pic@x")]),
        case("cid_in_other_case", mixed(html('<img src="CID:Pic@X">'), image("pic@x"), subtype="related"),
             attachments=[attached("image-1.png", PNG, "image/png", inline=True, content_id="pic@x")]),
        case("cid_with_entity", mixed(html('<img src="cid:a&amp;b@x">'), image("a&b@x"), subtype="related"),
             attachments=[attached("image-1.png", PNG, "image/png", inline=True, content_id="a&b@x")]),
        case("image_by_its_location", mixed(html('<img src="pics/a.png">'), part(b64(PNG), "Content-Type: image/png",
             "Content-Transfer-Encoding: base64", "Content-Location: pics/a.png"), subtype="related"),
             attachments=[attached("a.png", PNG, "image/png", inline=True, content_id="pics/a.png")]),
        case("image_by_its_location_beside_the_page", mixed(part('<img src="https://www.example.com/m/a.png">',
             "Content-Type: text/html", "Content-Location: https://www.example.com/m/page.html"), part(b64(PNG),
             "Content-Type: image/png", "Content-Transfer-Encoding: base64", "Content-Location: a.png"),
             subtype="related"), attachments=[attached("a.png", PNG, "image/png", inline=True,
             content_id="https://www.example.com/m/a.png")]),
        case("image_elsewhere_of_the_same_name", mixed(html('<img src="https://cdn.example.com/a.png">'),
             file("a.png", PNG, "image/png")), attachments=[attached("a.png", PNG, "image/png")]),
        case("cid_in_a_background", mixed(html('<td background="cid:bg@x">t</td>'), image("bg@x"), subtype="related"),
             attachments=[attached("image-1.png", PNG, "image/png", inline=True, content_id="bg@x")]),
        case("same_name_twice", mixed(text("Two"), file("a.pdf", PDF), file("a.pdf", PDF + b"2")),
             attachments=[attached("a.pdf", PDF), attached("a.pdf", PDF + b"2")]),
        case("many_small_files", mixed(text("Many"), *(file(f"{n}.pdf", b"%d" % n) for n in range(40))),
             attachments=[attached(f"{n}.pdf", b"%d" % n) for n in range(40)]),
        case("unknown_type", mixed(text("x"), part(b"\x00\x01binary", "Content-Type: application/x-unheard-of")),
             attachments=[attached("attachment-1.bin", b"\x00\x01binary", "application/x-unheard-of")]),
        case("binary_encoding", mixed(text("x"), part(b"\x00\x01\r\n\xff", "Content-Type: application/octet-stream",
             "Content-Transfer-Encoding: binary", "Content-Disposition: attachment; filename=raw.bin")),
             attachments=[attached("raw.bin", b"\x00\x01\r\n\xff", "application/octet-stream")]),
        case("disposition_without_type", mixed(text("x"), part(b64(PDF), "Content-Transfer-Encoding: base64",
             'Content-Disposition: attachment; filename="offer.pdf"')),
             attachments=[attached("offer.pdf", PDF, "text/plain")]),
        case("disposition_is_odd", mixed(text("x"), part(b64(PDF), "Content-Type: application/pdf",
             "Content-Transfer-Encoding: base64", 'Content-Disposition: Attachement ; filename = "offer.pdf"')),
             attachments=[attached("offer.pdf", PDF)]),
        case("external_body", mixed(text("x"), part("Content-Type: image/gif\r\n\r\n",
             'Content-Type: message/external-body; access-type=URL; url="https://files.example.com/a.gif"')), text="x",
             problems=["external_body"]),
    ]  # fmt: skip


INNER = mail(
    "The original words.\r\n", "From: Bo <bo@example.net>", "Subject: Original / question", "Date: bad"
).rstrip()


def messages() -> list[Case]:
    first = mail("Inner with trailing spaces   \r\n\tand a tab\r\n\r\n\r\n", "Subject: kept as it is")
    lf = first.replace(CRLF, b"\n")
    return [
        case("attached_message", mixed(text("See below"), part(INNER, "Content-Type: message/rfc822")),
             text="See below", subject="Printer on floor 3",
             attachments=[attached("Original _ question.eml", INNER, "message/rfc822")]),
        case("attached_message_is_byte_exact", mixed(text("x"), part(first, "Content-Type: message/rfc822")),
             attachments=[attached("kept as it is.eml", first, "message/rfc822")]),
        case("attached_message_with_lf", mixed(text("x"), part(lf, "Content-Type: message/rfc822")),
             attachments=[attached("kept as it is.eml", lf, "message/rfc822")]),
        case("attached_message_named", mixed(text("x"), part(INNER, 'Content-Type: message/rfc822; name="old.eml"')),
             attachments=[attached("old.eml", INNER, "message/rfc822")]),
        case("attached_message_in_base64", mixed(text("x"), part(b64(INNER), "Content-Type: message/rfc822",
             "Content-Transfer-Encoding: base64")),
             attachments=[attached("Original _ question.eml", INNER, "message/rfc822")]),
        case("attached_message_has_parts", mixed(text("x"), part(mixed(text("in"), file("deep.pdf", PDF),
             boundary="other-limit"), "Content-Type: message/rfc822")), text="x",
             attachments=[attached("Printer on floor 3.eml", mixed(text("in"), file("deep.pdf", PDF),
                                   boundary="other-limit"), "message/rfc822")]),
        case("digest", mixed(part(INNER), part(first), subtype="digest"), text="",
             attachments=[attached("Original _ question.eml", INNER, "message/rfc822"),
                          attached("kept as it is.eml", first, "message/rfc822")]),
        case("root_is_a_message", mail(INNER, "Content-Type: message/rfc822"), subject="Printer on floor 3", text="",
             attachments=[attached("Original _ question.eml", INNER, "message/rfc822")]),
        case("attached_message_without_subject", mixed(text("x"), part(b"From: a@example.com\r\n\r\nb",
             "Content-Type: message/rfc822")),
             attachments=[attached("message.eml", b"From: a@example.com\r\n\r\nb", "message/rfc822")]),
        case("attached_message_after_a_blank_line", mixed(part(b"\r\n" + INNER, "Content-Type: message/rfc822")),
             attachments=[attached("Original _ question.eml", b"\r\n" + INNER, "message/rfc822")]),
        case("part_begins_with_a_blank_line", mixed(b"\r\n" + html("<p>Hi</p>"), b"\r\n" + file("offer.pdf", PDF)),
             text="Hi", html="<p>Hi</p>", attachments=[attached("offer.pdf", PDF)]),
        case("partial_message", mail("From: x@example.com\r\n\r\nbegin of it",
             'Content-Type: message/partial; id="p@example.com"; number=1; total=3'), problems=["partial_message"]),
    ]  # fmt: skip


def broken() -> list[Case]:
    pdf = attached("offer.pdf", PDF)
    inner = multipart("b1", text("Words"), file("offer.pdf", PDF))
    return [
        case("boundary_not_declared", mail(inner, "Content-Type: multipart/mixed"), text="Words", attachments=[pdf],
             problems=["bad_boundary"]),
        case("boundary_declared_wrong", mail(inner, "Content-Type: multipart/mixed; boundary=other"), text="Words",
             attachments=[pdf], problems=["bad_boundary"]),
        case("boundary_with_spaces", mail(inner, 'Content-Type: multipart/mixed; boundary="b1  "'), text="Words",
             attachments=[pdf]),
        case("boundary_unquoted_with_specials", mail(multipart("=_Part=(1)?", text("Words"), file("offer.pdf", PDF)),
             "Content-Type: multipart/mixed; boundary==_Part=(1)?"), text="Words", attachments=[pdf]),
        case("boundary_quote_not_closed", mail(inner, 'Content-Type: multipart/mixed; boundary="b1'), text="Words",
             attachments=[pdf]),
        case("boundary_without_semicolon", mail(inner, 'Content-Type: multipart/mixed boundary="b1"'), text="Words",
             attachments=[pdf], problems=[]),
        case("boundary_folded", mail(inner, 'Content-Type: multipart/mixed;\r\n\tboundary="b1"'), text="Words",
             attachments=[pdf]),
        case("boundary_in_continuations", mail(inner, 'Content-Type: multipart/mixed; boundary*0="b"; boundary*1="1"'),
             text="Words", attachments=[pdf]),
        case("boundary_followed_by_spaces", mail(inner.replace(b"--b1\r\n", b"--b1 \t\r\n"),
             "Content-Type: multipart/mixed; boundary=b1"), text="Words", attachments=[pdf]),
        case("boundary_is_a_prefix", mail(multipart("b", nested("alternative", text("P"), html("<p>R</p>"),
             boundary="b2"), file("offer.pdf", PDF)), "Content-Type: multipart/mixed; boundary=b"), text="P",
             html="<p>R</p>", attachments=[pdf]),
        case("boundary_reused_inside", mail(multipart("same", part(multipart("same", text("P"), html("<p>R</p>")),
             "Content-Type: multipart/alternative; boundary=same"), file("offer.pdf", PDF)),
             "Content-Type: multipart/mixed; boundary=same"), text="P", html="<p>R</p>", attachments=[pdf],
             problems=[]),
        case("end_boundary_missing", mail(inner.replace(b"--b1--\r\n", b""),
             "Content-Type: multipart/mixed; boundary=b1"),
             text="Words", attachments=[pdf], problems=["missing_end_boundary"]),
        case("cut_in_the_middle", mail(inner[: inner.index(b"JVBERi") + 16],
             "Content-Type: multipart/mixed; boundary=b1"),
             text="Words", attachments=[attached("offer.pdf", PDF[:12])], problems=["missing_end_boundary"]),
        case("inner_end_boundary_missing", mixed(part(multipart("b1", text("P"), html("<p>R</p>"))
             .replace(b"--b1--\r\n", b""), "Content-Type: multipart/alternative; boundary=b1"), file("offer.pdf", PDF)),
             text="P", html="<p>R</p>", attachments=[pdf]),
        case("parts_after_the_end", mail(inner + b"--b1\r\n" + file("late.pdf", PDF) + b"\r\n--b1--\r\n",
             "Content-Type: multipart/mixed; boundary=b1"), text="Words",
             attachments=[pdf, attached("late.pdf", PDF)]),
        case("text_after_the_end", mail(multipart("b1", epilogue=b"The body came last.\r\n"),
             "Content-Type: multipart/mixed; boundary=b1"), text="The body came last."),
        case("preamble_and_epilogue_are_not_text", mail(multipart("b1", text("Words"), preamble=b"You need MIME.\r\n",
             epilogue=b"\r\nscanned by a scanner\r\n"), "Content-Type: multipart/mixed; boundary=b1"), text="Words"),
        case("multipart_without_parts", mail("Only words, no parts.\r\n", "Content-Type: multipart/mixed; boundary=b1"),
             text="Only words, no parts.", problems=["no_parts"]),
        case("multipart_only_closed", mail("Only words.\r\n--b1--\r\n", "Content-Type: multipart/mixed; boundary=b1"),
             text="Only words."),
        case("end_boundary_inside_a_line", mail(b"--b1\r\n" + text("First") + b"\r\n--b1\r\n" + text("ends here")
             + b"--b1--\r\n", "Content-Type: multipart/mixed; boundary=b1"), text="First\nends here"),
        case("boundary_inside_a_line", mail(b"--b1\r\n" + text("no line break") + b"--b1\r\n" + file("offer.pdf", PDF)
             + b"\r\n--b1--\r\n", "Content-Type: multipart/mixed; boundary=b1"), text="no line break",
             attachments=[pdf]),
        case("boundary_named_in_the_text", mixed(text("see --outer-limit for details\r\n--outer-limitless is no end"),
             boundary="outer-limit"), text="see --outer-limit for details\n--outer-limitless is no end"),
        case("content_type_missing_in_the_header", mail(inner), text="Words", attachments=[pdf],
             problems=["missing_content_type"]),
        case("part_without_blank_line", mixed(b"Content-Type: text/plain\r\nStraight on"), text="Straight on"),
        case("part_without_headers", mixed(b"\r\nNo headers at all"), text="No headers at all"),
        case("blank_line_before_part_headers_missing", mixed(b"Just words, no header", text("more")),
             text="Just words, no header\nmore"),
        case("blank_line_after_headers_missing", b"Subject: No blank line\r\nFrom: ada@example.com\r\n--b1\r\n"
             b"Content-Type: text/plain\r\n\r\nWords\r\n--b1--\r\n", subject="No blank line"),
        case("multipart_in_base64", mail(b64(inner), "Content-Type: multipart/mixed; boundary=b1",
             "Content-Transfer-Encoding: base64"), text="Words", attachments=[pdf]),
    ]  # fmt: skip
