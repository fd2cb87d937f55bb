"""Attachment names in every way that they are written."""

from __future__ import annotations

from tests.mails.mime.case import PDF, Case, attached, b64, case, mixed, part, text

# (name, Content-Disposition parameters, Content-Type parameters, file name)
NAMES = [
    ("plain", 'filename="offer.pdf"', "", "offer.pdf"),
    ("unquoted", "filename=offer.pdf", "", "offer.pdf"),
    ("unquoted_with_spaces", "filename=my offer.pdf", "", "my offer.pdf"),
    ("only_in_the_type", "", 'name="offer.pdf"', "offer.pdf"),
    ("disposition_wins", 'filename="right.pdf"', 'name="wrong.pdf"', "right.pdf"),
    ("extended", "filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf", "", "Grüße.pdf"),
    ("extended_wins", "filename=\"plain.pdf\"; filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf", "", "Grüße.pdf"),
    ("extended_latin_1", "filename*=iso-8859-1'de'Gr%FC%DFe.pdf", "", "Grüße.pdf"),
    ("extended_in_quotes", "filename*=\"utf-8''Gr%C3%BC%C3%9Fe.pdf\"", "", "Grüße.pdf"),
    ("extended_without_charset", "filename*=Gr%C3%BC%C3%9Fe.pdf", "", "Grüße.pdf"),
    ("continued", 'filename*0="a very long "; filename*1="name.pdf"', "", "a very long name.pdf"),
    ("continued_extended", "filename*0*=utf-8''Gr%C3%BC; filename*1*=%C3%9Fe; filename*2=\".pdf\"", "", "Grüße.pdf"),
    ("continued_out_of_order", 'filename*1="name.pdf"; filename*0="long "', "", "long name.pdf"),
    ("continued_split_in_a_character", "filename*0*=utf-8''Gr%C3; filename*1*=%BC.pdf", "", "Grü.pdf"),
    ("encoded_word", 'filename="=?utf-8?Q?Gr=C3=BC=C3=9Fe=2Epdf?="', "", "Grüße.pdf"),
    ("encoded_word_unquoted", "filename==?utf-8?B?R3LDvMOfZS5wZGY=?=", "", "Grüße.pdf"),
    ("encoded_words_folded", 'filename="=?utf-8?Q?Gr=C3=BC?=\r\n =?utf-8?Q?=C3=9Fe=2Epdf?="', "", "Grüße.pdf"),
    ("encoded_word_in_the_type", "", 'name="=?iso-8859-1?Q?Gr=FC=DFe.pdf?="', "Grüße.pdf"),
    ("raw_utf_8", 'filename="Grüße.pdf"', "", "Grüße.pdf"),
    ("semicolon_inside", 'filename="a;b.pdf"', "", "a;b.pdf"),
    ("escaped_quote", r'filename="say \"hi\".pdf"', "", 'say "hi".pdf'),
    ("windows_path", r'filename="C:\Users\ada\offer.pdf"', "", "offer.pdf"),
    ("unix_path", 'filename="/home/ada/offer.pdf"', "", "offer.pdf"),
    ("climbing_path", 'filename="../../etc/offer.pdf"', "", "offer.pdf"),
    ("folded_inside", 'filename="a\r\n b.pdf"', "", "a b.pdf"),
    ("encoded_line_break", "filename*=utf-8''a%0D%0Ab.pdf", "", "ab.pdf"),
    ("nul", "filename*=utf-8''a%00b.pdf", "", "ab.pdf"),
    ("right_to_left_override", "filename*=utf-8''offer%E2%80%AEfdp.exe", "", "offerfdp.exe"),
    ("only_dots", 'filename="..."', "", "attachment-1.pdf"),
    ("empty", 'filename=""', "", "attachment-1.pdf"),
    ("none", "", "", "attachment-1.pdf"),
    ("quote_not_closed", 'filename="offer.pdf', "", "offer.pdf"),
    ("japanese", "filename*=iso-2022-jp''%1B%24B%40%24OC%1B%28B.pdf", "", "世話.pdf"),
    ("japanese_word", 'filename="=?iso-2022-jp?B?GyRCQCRPQxsoQi5wZGY=?="', "", "世話.pdf"),
    ("single_quotes", "filename='my offer.pdf'", "", "my offer.pdf"),
    ("quotes_inside", 'filename="say "hi".pdf"; size=5', "", 'say "hi".pdf'),
    ("tab_inside", 'filename="my\toffer.pdf"', "", "my offer.pdf"),
    ("code_cut_in_two", "filename*0*=utf-8''Gr%C; filename*1*=3%BC.pdf", "", "Grü.pdf"),
    ("continued_percent_stays", "filename*0*=utf-8''%C3%BC; filename*1=\"50%20.pdf\"", "", "ü50%20.pdf"),
    ("asterisk_missing_in_the_first", 'filename*0="utf-8\'\'Gr%C3"; filename*1="%BC.pdf"', "", "Grü.pdf"),
    ("question_marks", 'filename="????.pdf"', 'name="=?utf-8?Q?Gr=C3=BC=C3=9Fe.pdf?="', "Grüße.pdf"),
    ("extended_one_apostrophe", "filename*=utf-8'Gr%C3%BC%C3%9Fe.pdf", "", "Grüße.pdf"),
    ("extended_without_asterisk", "filename=\"utf-8''Gr%C3%BC%C3%9Fe.pdf\"", "", "Grüße.pdf"),
    ("encoded_twice", 'filename="=?utf-8?Q?=3D=3Futf-8=3FQ=3FGr=3DC3=3DBC=3DC3=3D9Fe=2Epdf=3F=3D?="', "", "Grüße.pdf"),
    ("apostrophes_stay", "filename=\"l'an d'or 5%20.pdf\"", "", "l'an d'or 5%20.pdf"),
    ("percent_stays", 'filename="100%25 sure.pdf"', "", "100%25 sure.pdf"),
]


def cases() -> list[Case]:
    found = []
    for name, disposition, content_type, filename in NAMES:
        fields = ["Content-Type: application/pdf" + ("; " + content_type if content_type else ""),
                  "Content-Transfer-Encoding: base64", "Content-Disposition: attachment"
                  + ("; " + disposition if disposition else "")]  # fmt: skip
        raw = mixed(text("See the file."), part(b64(PDF), *fields))
        found.append(case(f"filename_{name}", raw, attachments=[attached(filename, PDF)], text="See the file."))
    raw = mixed(text("t"), part(b64(PDF), 'Content-Type: application/pdf name="wrong.pdf"',
                                "Content-Transfer-Encoding: base64",
                                'Content-Disposition: attachment filename="offer; 2.pdf"'))  # fmt: skip
    found.append(case("filename_without_semicolon", raw, attachments=[attached("offer; 2.pdf", PDF)]))
    docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    raw = mixed(text("t"), *(part(b64(PDF), f"Content-Type: {content_type}", "Content-Transfer-Encoding: base64")
                             for content_type in (docx, "text/vcard", "image/heic")))  # fmt: skip
    names = [attached("attachment-1.docx", PDF, docx), attached("attachment-2.vcf", PDF, "text/vcard"),
             attached("image-3.heic", PDF, "image/heic")]  # fmt: skip
    found.append(case("filename_of_the_type", raw, attachments=names))
    for name, field, filename in [
        ("location", "Content-Location: https://example.com/files/my%20offer.pdf?version=2", "my offer.pdf"),
        ("location_is_a_site", "Content-Location: https://example.com", "attachment-1.pdf"),
        ("description", "Content-Description: =?utf-8?Q?Gr=C3=BC=C3=9Fe=2Epdf?=", "Grüße.pdf"),
        ("description_in_words", "Content-Description: Our offer", "attachment-1.pdf"),
        ("nothing_but_the_name", 'Content-Disposition: filename="offer.pdf"', "offer.pdf"),
        ("second_disposition", 'Content-Disposition: inline\r\nContent-Disposition: attachment; filename="offer.pdf"',
         "offer.pdf"),
    ]:  # fmt: skip
        raw = mixed(text("t"), part(b64(PDF), "Content-Type: application/pdf", "Content-Transfer-Encoding: base64",
                                    field))  # fmt: skip
        found.append(case(f"filename_{name}", raw, attachments=[attached(filename, PDF)]))
    long = "x" * 300
    raw = mixed(text("t"), part(b64(PDF), "Content-Type: application/pdf", "Content-Transfer-Encoding: base64",
                                f'Content-Disposition: attachment; filename="{long}.pdf"'))  # fmt: skip
    found.append(case("filename_300_characters", raw, attachments=[attached("x" * 251 + ".pdf", PDF)],
                      problems=["filename_shortened"]))  # fmt: skip
    latin = part(b64(PDF), "Content-Type: application/pdf", "Content-Transfer-Encoding: base64")
    latin = latin.replace(b"\r\n\r\n", b'\r\nContent-Disposition: attachment; filename="Gr\xfc\xdfe.pdf"\r\n\r\n', 1)
    found.append(case("filename_raw_latin_1", mixed(part("t", "Content-Type: text/plain; charset=iso-8859-1"), latin),
                      attachments=[attached("Grüße.pdf", PDF)]))  # fmt: skip
    return found
