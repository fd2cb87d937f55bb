"""What the person wrote: the rules that single samples do not show."""

from __future__ import annotations

import pytest

from mail.reply import extract_reply
from mail.reply_body import announcement, read_body
from mail.reply_headers import label_of, read_block
from mail.reply_known import known_lines
from mail.reply_signature import without_gateway_banner, without_tail

QUOTED = "\n\nOn Tue, May 7, 2024 at 9:14 AM Laura <laura@example.com> wrote:\n\n> Which one?\n"


def test_line_breaks_and_paragraphs_stay_as_written() -> None:
    written = "Hi Laura,\n\n  - the blue one\n  - and a cable\n\n\nThanks\nMartin"
    assert extract_reply(written + QUOTED, "").text == written


@pytest.mark.parametrize(
    "text",
    [
        "> all of it quoted\n",
        "Sent from my iPhone",
        "-- \nMartin",
        "On 7 May 2024, Laura <laura@example.com> wrote:\n> hi",
        "?",
    ],
)
def test_a_mail_that_has_text_never_gives_an_empty_reply(text: str) -> None:
    assert extract_reply(text, "").text.strip()


def test_an_empty_mail_gives_an_empty_reply() -> None:
    assert extract_reply("", "").text == ""
    assert extract_reply(" \n\t\n", "<html><body></body></html>").text == ""


def test_confidence_tells_the_sure_from_the_doubtful() -> None:
    plain = extract_reply("The blue one, please.", "").confidence
    quoted = extract_reply("The blue one, please." + QUOTED, "").confidence
    only_quoted = extract_reply("> Which one?\n> Laura\n", "").confidence
    run_on = extract_reply(
        "On 7 May 2024, Laura <laura@example.com> wrote:\n\nWhich one?\n\nThe blue one.", ""
    ).confidence
    assert plain > 0.95
    assert quoted > 0.9
    assert only_quoted < 0.5
    assert run_on < 0.5


def test_the_html_tells_where_the_quotation_begins_and_the_text_gives_the_words() -> None:
    text = "The *blue* one.\n\nLaura scripsit heri vespere:\n\nWhich one?\n"
    html = (
        '<div>The <b>blue</b> one.</div><div class="gmail_quote">'
        '<div class="gmail_attr">Laura scripsit heri vespere:</div>'
        '<blockquote class="gmail_quote">Which one?</blockquote></div>'
    )
    assert extract_reply(text, html).text == "The *blue* one."


@pytest.mark.parametrize("length", range(16_360, 16_390))
def test_a_quotation_is_seen_wherever_its_mark_stands_in_a_long_body(length: int) -> None:
    html = "<p>Mine.</p>".ljust(length, "x") + '<blockquote type="cite">Yours.</blockquote>'
    assert "Yours" not in extract_reply("", html).text


def test_a_text_part_longer_than_the_html_says_is_not_lost_when_they_disagree() -> None:
    reply = extract_reply(
        "Something else entirely, written for readers without HTML.", "<blockquote type=cite>x</blockquote>y"
    )
    assert "Something else entirely" in reply.text


def test_known_text_is_taken_out_without_any_mark() -> None:
    parent = "Hello Martin, we have restarted the export. Please try again and tell us whether it works."
    body = "It works.\n\nHello Martin, we have restarted the\nexport. Please try again and tell us\nwhether it works."
    assert extract_reply(body, "", [parent]).text == "It works."


def test_words_that_the_author_repeats_from_the_known_text_stay() -> None:
    parent = "Please send us the serial number of the machine and a photo of it."
    body = "You ask for the serial number of the machine. It is 4711."
    assert extract_reply(body, "", [parent]).text == body


def test_a_forwarding_subject_keeps_what_an_answering_one_takes_out() -> None:
    body = (
        "See below.\n\nFrom: Olga <olga@example.net>\nSent: 7 May 2024 09:14\nTo: info@example.com\n"
        "Subject: Shelf\n\nIt is broken.\n"
    )
    assert extract_reply(body, "", (), "RE: Shelf").text == "See below."
    assert "It is broken." in extract_reply(body, "", (), "FW: Shelf").text


def test_known_lines_are_found_however_they_were_wrapped_or_quoted() -> None:
    known = ["one two three four five six seven eight nine ten eleven twelve thirteen"]
    lines = [
        "new words",
        "> one two three four five six",
        "> seven eight nine ten eleven twelve thirteen",
        "more new words",
    ]
    assert known_lines(lines, known) == [False, True, True, False]


@pytest.mark.parametrize(
    ("line", "kind", "value"),
    [
        ("From: Anna", "from", "Anna"),
        ("*Von:* Anna", "from", "Anna"),
        ("**Sent:** today", "date", "today"),
        ("Objet : Bonjour", "subject", "Bonjour"),
        ("发件人：李丽", "from", "李丽"),
    ],
)
def test_header_labels_in_their_spellings(line: str, kind: str, value: str) -> None:
    assert label_of(line) == (kind, value)


def test_a_header_block_needs_more_than_a_form_has() -> None:
    assert read_block(["From: Anna", "Subject: Hello"], 0) is None
    assert read_block(["From: Hamburg", "To: Vienna", "Date: 12.06.2024"], 0) is None
    block = read_block(
        ["From: Anna <anna@example.com>", "Sent: 7 May 2024 09:14", "To: Ben", "Subject: Hello", "", "text"], 0
    )
    assert block is not None
    assert (block.end, block.fields["subject"]) == (4, "Hello")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("-----Original Message-----", ("original", "")),
        ("-------- Weitergeleitete Nachricht --------", ("forward", "")),
        ("Begin forwarded message:", ("forward", "")),
        ("----- Forwarded Message ----- From: Anna", ("forward", "From: Anna")),
        ("-----Özgün İleti-----", ("original", "")),
        ("Original Message", None),
        ("- Original Message was lost", None),
    ],
)
def test_lines_that_announce_an_original(line: str, found: tuple[str, str] | None) -> None:
    assert announcement(line) == found


def test_stretches_between_quotations_stay_apart() -> None:
    body = read_body(["> one", "a", "> two", "b"])
    assert [[line for line in stretch if line] for stretch in body.stretches if stretch] == [["a"], ["b"]]


def test_a_tail_is_taken_off_only_at_the_end() -> None:
    assert without_tail(["Hi", "", "Sent from my iPhone"]) == ["Hi"]
    assert without_tail(["Sent from my iPhone it looked fine to me.", "Here it does not."])[0].startswith("Sent")


def test_a_gateway_banner_goes_and_a_warning_by_the_author_stays() -> None:
    banner = "CAUTION: This email originated from outside the organization."
    assert without_gateway_banner([banner, "", "Hello"]) == ["", "Hello"]
    assert without_gateway_banner(["Caution: the floor is wet.", "Hello"]) == ["Caution: the floor is wet.", "Hello"]


@pytest.mark.parametrize(
    "last",
    [
        "We use Outlook for iOS.",
        "I bought the iPhone in Dresden",
        "Get the Outlook error again when I open the folder",
        "From my phone it works",
        "Ordering from mobile fails.",
        "Sent by courier this morning.",
        "Sent a magnificent torch of pixels",
        "The photo was sent from the office.",
        "Gesendet am Montag, mit der Post.",
        "Envoyé hier par la poste.",
        "我的手机坏了",
        "Unsubscribe me, please.",
        "To unsubscribe I wrote to you twice, and still get mails.",
        "This message is for Anna.",
        "This e-mail is confidential, so please do not show it to Ben.",
        "Our company number has changed.",
        "Virus scanners find nothing.",
        "Regards to your wife!",
        "Best,",
        "Please think before you print the labels.",
        "-- which one is it?",
        "The list archive is at https://lists.example.org/ but I cannot log in.",
        "On 5 May 2024 at 10:00 the machine stopped:",
        "You can reach me at +44 117 496 0000.",
        "Thanks",
    ],
)
def test_a_last_line_that_a_person_wrote_stays(last: str) -> None:
    written = f"Hello,\n\nplease have a look at this.\n\n{last}"
    assert extract_reply(written, "").text == written
    assert extract_reply(written + QUOTED, "").text == written


@pytest.mark.parametrize(
    "first",
    [
        "Warning: the external drive is full.",
        "Attention: the outside door does not close.",
        "Important notice: we close at noon.",
        "From: the office. To: the warehouse.",
        "> 3 people are waiting.",
    ],
)
def test_a_first_line_that_a_person_wrote_stays(first: str) -> None:
    written = f"{first}\n\nCan you come today?"
    expected = "Can you come today?" if first.startswith(">") else written
    assert extract_reply(written, "").text == expected


def test_an_original_that_the_author_introduces_is_kept() -> None:
    body = (
        "Hello,\n\nthis is the mail that I received:\n\nFrom: Bank <bank@example.net>\nSent: 7 May 2024 09:14\n"
        "To: me@example.org\nSubject: Urgent\n\nPay now.\n\nIs it real?\n"
    )
    reply = extract_reply(body, "")
    assert reply.text.endswith("Is it real?")
    assert reply.confidence <= 0.9


def test_dashes_between_two_questions_are_no_signature() -> None:
    written = "How do I reset the password?\n--\nAnd where do I see the invoices?"
    assert extract_reply(written, "").text == written
