"""Address fields as senders write them."""

from __future__ import annotations

from tests.mails.mime.case import Case, case, mail, person

ADA = person("ada@example.com", "Ada Example")
BO = person("bo@example.net")
# (name, value of To, mailboxes)
TO = [
    ("bare", "bo@example.net", [BO]),
    ("angle_only", "<bo@example.net>", [BO]),
    ("quoted", '"Example, Ada" <ada@example.com>', [person("ada@example.com", "Example, Ada")]),
    ("escaped_quotes", r'"Ada \"Bug\" Example" <ada@example.com>', [person("ada@example.com", 'Ada "Bug" Example')]),
    ("two", "Ada Example <ada@example.com>, bo@example.net", [ADA, BO]),
    ("semicolons", "Ada Example <ada@example.com>; bo@example.net;", [ADA, BO]),
    ("folded", "Ada Example\r\n <ada@example.com>,\r\n\tbo@example.net", [ADA, BO]),
    ("domain_in_capitals", "Ada.E@EXAMPLE.COM", [person("Ada.E@example.com")]),
    ("comment_as_name", "ada@example.com (Ada Example)", [ADA]),
    ("nested_comment", "bo@example.net (Bo (the second))", [person("bo@example.net", "Bo (the second)")]),
    ("comment_beside_name", "Ada Example (sales) <ada@example.com>", [ADA]),
    ("group", "Team: Ada Example <ada@example.com>, bo@example.net;", [ADA, BO]),
    ("group_empty", "undisclosed-recipients:;", []),
    ("group_and_more", "A: ada@example.com; , B:bo@example.net;", [person("ada@example.com"), BO]),
    ("unquoted_comma", "Example, Ada <ada@example.com>", [person("ada@example.com", "Example, Ada")]),
    ("unquoted_dot", "Dr. Ada Example <ada@example.com>", [person("ada@example.com", "Dr. Ada Example")]),
    ("name_is_the_address", "ada@example.com <ada@example.com>", [person("ada@example.com", "ada@example.com")]),
    ("name_is_another_address", '"boss@example.org" <ada@example.com>',
     [person("ada@example.com", "boss@example.org")]),
    ("no_space", "Ada Example<ada@example.com>", [ADA]),
    ("bracket_not_closed", "Ada Example <ada@example.com", [ADA]),
    ("quote_not_closed", '"Ada Example <ada@example.com>', [ADA]),
    ("without_brackets", "Ada Example ada@example.com", [ADA]),
    ("mailto", "<mailto:ada@example.com>", [person("ada@example.com")]),
    ("spaces_inside", "< ada@example.com >", [person("ada@example.com")]),
    ("quoted_local_part", '"ada b"@example.com', [person('"ada b"@example.com')]),
    ("source_route", "<@relay.example.org,@b.example.org:ada@example.com>", [person("ada@example.com")]),
    ("domain_literal", "ada@[192.0.2.1]", [person("ada@[192.0.2.1]")]),
    ("international", "Jörg <jörg@exämple.com>", [person("jörg@exämple.com", "Jörg")]),
    ("encoded_comma", "=?utf-8?Q?Example=2C_Ada?= <ada@example.com>, bo@example.net",
     [person("ada@example.com", "Example, Ada"), BO]),
    ("encoded_brackets", "=?utf-8?Q?Ada_=3Cx=40example=2Eorg=3E?= <ada@example.com>",
     [person("ada@example.com", "Ada <x@example.org>")]),
    ("encoded_in_quotes", '"=?utf-8?Q?J=C3=B6rg?=" <j@example.com>', [person("j@example.com", "Jörg")]),
    ("encoded_two_words", "=?utf-8?B?SsO2?=\r\n =?utf-8?B?cmc=?= <j@example.com>", [person("j@example.com", "Jörg")]),
    ("encoded_whole", "=?utf-8?Q?J=C3=B6rg_=3Cj=40example=2Ecom=3E?=", [person("j@example.com", "Jörg")]),
    ("empty", "", []),
    ("only_brackets", "<>", []),
    ("only_a_name", "The Support Team", []),
    ("local_user", "root", [person("root")]),
    ("trailing_comma", "bo@example.net,", [BO]),
    ("double_comma", "ada@example.com,,bo@example.net", [person("ada@example.com"), BO]),
    ("two_brackets_no_comma", "<ada@example.com> <bo@example.net>", [person("ada@example.com"), BO]),
    ("control_characters", "Ada\x07 Example <ada@example.com>", [ADA]),
]  # fmt: skip


def cases() -> list[Case]:
    return [
        *(case(f"to_{name}", mail("x", f"To: {value}"), to=expected) for name, value, expected in TO),
        case("to_raw_utf_8", mail("x", 'To: "Jörg, Ada" <j@example.com>'), to=[person("j@example.com", "Jörg, Ada")]),
        case("to_raw_latin_1", mail("x", 'To: "Jörg" <j@example.com>'.encode("latin-1"),
             "Content-Type: text/plain; charset=iso-8859-1"), to=[person("j@example.com", "Jörg")]),
        case("to_twice", mail("x", "To: ada@example.com", "To: bo@example.net"), to=[person("ada@example.com"), BO]),
        case("cc_and_bcc", mail("x", "Cc: ada@example.com", "Bcc: bo@example.net"), cc=[person("ada@example.com")],
             bcc=[BO]),
        case("from_twice", mail("x", "From: Ada Example <ada@example.com>", "From: bo@example.net"), from_=[ADA],
             problems=["several_from"]),
        case("from_first_is_empty", mail("x", "From:", "From: bo@example.net"), from_=[BO], problems=["several_from"]),
        case("from_first_is_no_address", mail("x", "From: [??????]", "From: =?utf-8?Q?J=C3=B6rg?= <bo@example.net>"),
             from_=[person("bo@example.net", "Jörg")], problems=["several_from"]),
        case("from_several_mailboxes", mail("x", "From: Ada Example <ada@example.com>, bo@example.net",
             "Sender: bo@example.net"), from_=[ADA, BO], sender=[BO]),
        case("from_missing_reply_to", mail("x", "Reply-To: bo@example.net", "Sender: ada@example.com",
             without=("From",)),
             from_=[BO], problems=["missing_from"]),
        case("from_missing_sender", mail("x", "Sender: bo@example.net", without=("From",)), from_=[BO],
             problems=["missing_from"]),
        case("from_missing", mail("x", without=("From",)), from_=[], problems=["missing_from"]),
        case("from_mailer_daemon", mail("x", "From: MAILER-DAEMON (Mail Delivery System)"),
             from_=[person("MAILER-DAEMON", "Mail Delivery System")]),
        case("from_null", mail("x", "From: <>"), from_=[], problems=["missing_from"]),
        case("reply_to", mail("x", "Reply-To: Help <help@example.org>"), reply_to=[person("help@example.org", "Help")]),
    ]  # fmt: skip
