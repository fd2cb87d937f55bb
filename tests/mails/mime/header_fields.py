"""Header blocks: folding, encoded words, damage, identity."""

from __future__ import annotations

import base64

from tests.mails.mime.case import Case, case, mail, person

PLAIN = "Content-Type: text/plain; charset=utf-8"


def cases() -> list[Case]:
    return [*encoded_words(), *damage(), *identity()]


def encoded_words() -> list[Case]:
    def subject(name: str, value: str | bytes, meaning: str) -> Case:
        field = b"Subject: " + (value if isinstance(value, bytes) else value.encode())
        return case(f"words_{name}", mail("x", field), subject=meaning)

    return [
        subject("quoted", "=?iso-8859-1?Q?Gr=FC=DFe?=", "Grüße"),
        subject("underscore", "=?utf-8?q?two_words=5F?=", "two words_"),
        subject("beside_text", "Re: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= from us", "Re: Grüße from us"),
        subject("two_joined", "=?utf-8?Q?Gr=C3=BC?= =?utf-8?Q?=C3=9Fe?=", "Grüße"),
        subject("two_folded", "=?utf-8?Q?Gr=C3=BC?=\r\n =?utf-8?Q?=C3=9Fe?=", "Grüße"),
        subject("split_inside_a_character", "=?utf-8?B?R3LD?= =?utf-8?B?vMOfZQ==?=", "Grüße"),
        subject("split_inside_a_character_q", "=?utf-8?Q?Gr=C3?=\r\n =?utf-8?Q?=BC=C3=9Fe?=", "Grüße"),
        subject("two_charsets", "=?utf-8?Q?Gr=C3=BC?= =?iso-8859-1?Q?=DFe?=", "Grüße"),
        subject("without_space_between", "=?utf-8?Q?Gr=C3=BC?==?utf-8?Q?=C3=9Fe?=", "Grüße"),
        subject("inside_a_word", "pre=?utf-8?Q?=C3=BC?=post", "preüpost"),
        subject("with_spaces_inside", "=?utf-8?Q?Gr=C3=BC=C3=9Fe an alle?=", "Grüße an alle"),
        subject("encoded_twice", "=?utf-8?B?UmU6ID0/dXRmLTg/UT9Hcj1DMz1CQz1DMz05RmU/PQ==?=", "Re: Grüße"),
        subject(
            "base64_of_urls",
            "=?utf-8?B?" + base64.urlsafe_b64encode("ÿ>ÿ? Grüße".encode()).decode() + "?=",
            "ÿ>ÿ? Grüße",
        ),
        subject("raw_folded_inside_a_character", b"Gr\xc3\r\n \xbc\xc3\x9fe", "Grüße"),
        subject("base64_without_padding", "=?utf-8?B?R3LDvMOfZQ?=", "Grüße"),
        subject("base64_folded_inside", "=?utf-8?B?R3LD\r\n vMOfZQ==?=", "Grüße"),
        subject("language_suffix", "=?utf-8*de?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        subject("cut_off", "=?utf-8?Q?Gr=C3=BC=C3=9Fe", "Grüße"),
        subject("unknown_charset", "=?x-unheard?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        subject("lying_charset", "=?us-ascii?Q?Gr=FC=DFe_aus_K=F6ln?=", "Grüße aus Köln"),
        subject("question_mark_inside", "=?utf-8?Q?Really??=", "Really?"),
        subject("broken_hex", "=?utf-8?Q?100=_sure=ZZ?=", "100= sure=ZZ"),
        subject("not_one", "a =? b ?= c", "a =? b ?= c"),
        subject("line_break_inside", "=?utf-8?Q?one=0D=0ABcc:_x@example.com?=", "one Bcc: x@example.com"),
        subject("tab_folded", "one\r\n\ttwo\r\n  three", "one two three"),
        subject("charset_empty", "=??Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        subject("charset_dos", "=?DOS-862?B?" + base64.b64encode("שלום".encode("cp862")).decode() + "?=", "שלום"),
        subject("soft_break_folded", "=?utf-8?Q?Gr=C3=BC=C3=9F=\r\n e_an_alle?=", "Grüße an alle"),
        subject("soft_break_not_folded", "=?utf-8?Q?Gr=C3=\r\n=BC=C3=9Fe?=\r\nX-After: y", "Grüße"),
        subject("called_base64", "=?utf-8?B?Gr=C3=BC=C3=9Fe_an_alle?=", "Grüße an alle"),
        subject("blank_fold_between", "one\r\n \r\n two", "one two"),
        subject("surrogates", "=?utf-8?Q?W=C3=A4hlen_=ED=A0=BD=ED=B8=80?=", "Wählen 😀"),
        subject("unknown_few_accents", "=?unknown-8bit?Q?R=E9ponse_=E0_votre_demande?=", "Réponse à votre demande"),
        subject("iso_2022_jp_two", "=?iso-2022-jp?B?GyRCQCQbKEI=?= =?iso-2022-jp?B?GyRCT0MbKEI=?=", "世話"),
    ]


def damage() -> list[Case]:
    block = (b"From: ada@example.com\r\nSubject: a long subject that\r\nwas not folded\r\n"
             b"To: help@example.org\r\n\r\nBody\r\n")  # fmt: skip
    return [
        case("header_not_folded", block, subject="a long subject that was not folded", to=[person("help@example.org")],
             text="Body", problems=["bad_header_line", "missing_date"]),
        case("header_list_not_folded", mail("Body", "To: help@example.org,\r\nada@example.com"), text="Body",
             to=[person("help@example.org"), person("ada@example.com")], problems=["bad_header_line"]),
        case("header_blank_line_too_many", mail("Content-Type: text/html; charset=utf-8\r\n\r\n"
             "Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>Gr=C3=BC=C3=9Fe</p>"), text="Grüße",
             problems=["bad_header_line"]),
        case("header_after_blank_line_is_text", mail("Content-Type: text/html is what I see", PLAIN),
             text="Content-Type: text/html is what I see"),
        case("header_garbage_line", mail("Body").replace(b"To:", b"%%% garbage %%%\r\nTo:"), text="Body",
             to=[person("help@example.org")], subject="Printer on floor 3"),
        case("header_envelope_line", b"From ada@example.com Fri Nov 20 11:22:33 2026\r\n" + mail("Body"), text="Body",
             from_=[person("ada@example.com", "Ada Example")], problems=[]),
        case("header_escaped_envelope_line", b">From ada@example.com Fri Nov 20 11:22:33 2026\r\n" + mail("Body"),
             text="Body", from_=[person("ada@example.com", "Ada Example")]),
        case("header_blank_lines_first", b"\r\n\r\n" + mail("Body"), text="Body", subject="Printer on floor 3"),
        case("header_byte_order_mark", b"\xef\xbb\xbf" + mail("Body"), text="Body",
             from_=[person("ada@example.com", "Ada Example")]),
        case("header_space_before_colon", mail("Body", "Subject : Spaced"), subject="Spaced", text="Body"),
        case("header_without_space", mail("Body", "Subject:Tight"), subject="Tight"),
        case("header_name_in_capitals", mail("Body", "SUBJECT: LOUD"), subject="LOUD"),
        case("header_name_with_space", mail("Body", "Sub ject: smuggled", without=("Subject",)), subject="",
             text="Body"),
        case("header_name_empty", mail("Body", ": nothing", "X-After: y"), subject="Printer on floor 3", text="Body"),
        case("header_blank_continuation", mail("Body", "Subject: a\r\n   ", "X-After: y"), subject="a", text="Body"),
        case("header_name_beyond_ascii", mail("Body", "Subject: a", "X-Größe: 5"), subject="a", text="Body",
             problems=["bad_header_line"]),
        case("header_lines_end_in_lf_cr", mail("Body\r\nmore").replace(b"\r\n", b"\n\r"), subject="Printer on floor 3",
             text="Body\nmore"),
        case("header_subject_empty", mail("Body", "Subject:"), subject="", text="Body"),
        case("header_subject_missing", mail("Body", without=("Subject",)), subject="", text="Body"),
        case("header_subject_twice", mail("Body", "Subject: first", "Subject: second"), subject="first"),
        case("header_very_long", mail("Body", "Subject: " + "word " * 400), subject=("word " * 400).strip()),
        case("header_utf_16_file", mail("Body").decode().encode("utf-16"), text="Body", subject="Printer on floor 3"),
        case("no_header_at_all", b"Hello there,\r\n\r\nthis is only text.\r\n", subject="",
             text="Hello there,\n\nthis is only text.", problems=["missing_from", "missing_date"]),
        case("nothing", b"", subject="", text="", problems=["empty", "missing_from", "missing_date"]),
    ]  # fmt: skip


def identity() -> list[Case]:
    return [
        case("ids", mail("x", "Message-ID: <One.Two@Mail.Example.com>", "In-Reply-To: <parent@example.org>",
             "References: <root@example.org>\r\n <mid@example.org>\t<parent@example.org>"),
             message_id="One.Two@Mail.Example.com", in_reply_to=["parent@example.org"],
             references=["root@example.org", "mid@example.org", "parent@example.org"]),
        case("ids_without_brackets", mail("x", "Message-ID: bare@example.com", "In-Reply-To: parent@example.org"),
             message_id="bare@example.com", in_reply_to=["parent@example.org"]),
        case("ids_folded_inside", mail("x", "Message-ID:\r\n <long\r\n id@example.com>"),
             message_id="longid@example.com"),
        case("ids_with_phrase", mail("x", 'In-Reply-To: Your message of "Fri, 20 Nov 2026" <parent@example.org>'),
             in_reply_to=["parent@example.org"]),
        case("ids_only_phrase", mail("x", "In-Reply-To: your message of Friday"), in_reply_to=[]),
        case("ids_repeated", mail("x", "References: <a@example.com> <b@example.com> <a@example.com>"),
             references=["a@example.com", "b@example.com"]),
        case("ids_with_commas", mail("x", "References: <a@example.com>,<b@example.com>"),
             references=["a@example.com", "b@example.com"]),
        case("ids_in_encoded_words", mail("x", "References: =?utf-8?q?=3Ca=40example=2Ecom=3E?=\r\n"
             " =?utf-8?q?_=3Cb=40example=2Ecom=3E?="), references=["a@example.com", "b@example.com"]),
        case("ids_two_fields", mail("x", "References: <a@example.com>", "References: <b@example.com>"),
             references=["a@example.com", "b@example.com"]),
        case("ids_html_escaped", mail("x", "Message-ID: &lt;a@example.com&gt;", "References: &lt;b@example.com&gt;"),
             message_id="a@example.com", references=["b@example.com"]),
        case("ids_of_100_kilobytes", mail("x", "References: " + "\r\n ".join(f"<{n:0290}@example.com>"
             for n in range(400))), references=[f"{n:0290}@example.com" for n in (*range(106), *range(294, 400))]),
        case("ids_missing", mail("x", without=("Message-ID",)), message_id=None, in_reply_to=[], references=[]),
        case("ids_empty", mail("x", "Message-ID: <>", "References:"), message_id=None, references=[]),
        case("ids_without_at", mail("x", "Message-ID: <no-domain-here>"), message_id="no-domain-here"),
        case("other_fields", mail("x", "Return-Path: <bounce@example.com>", "Thread-Index: AQHb1234=",
             "List-Id: Printers <printers.example.org>", "Auto-Submitted: auto-generated"),
             return_path="bounce@example.com", thread_index="AQHb1234=", list_id="Printers <printers.example.org>",
             auto_submitted="auto-generated"),
        case("return_path_is_null", mail("x", "Return-Path: <>"), return_path=""),
    ]  # fmt: skip
