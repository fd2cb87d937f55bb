"""The original of a forwarded mail, from the header each program writes above it."""

from __future__ import annotations

import pytest

from domain.email import Address
from mail.forward import find_forwarded

OLGA = Address(name="Olga Winter", address="olga@example.net")

# (name, own subject, body, date, original subject)
FORWARDS = [
    (
        "Gmail",
        "Fwd: Shelf",
        "FYI\n\n---------- Forwarded message ---------\nFrom: Olga Winter <olga@example.net>\n"
        "Date: Mon, May 6, 2024 at 4:02 PM\nSubject: Broken shelf\nTo: <info@example.com>\n\nIt is broken.\n",
        "Mon, May 6, 2024 at 4:02 PM",
        "Broken shelf",
    ),
    (
        "Apple Mail, German",
        "Fwd: Regal",
        "Anfang der weitergeleiteten Nachricht:\n\n> Von: Olga Winter <olga@example.net>\n> Betreff: Kaputtes Regal\n"
        "> Datum: 6. Mai 2024 um 16:02:11 MESZ\n> An: info@example.com\n> \n> Kaputt.\n",
        "6. Mai 2024 um 16:02:11 MESZ",
        "Kaputtes Regal",
    ),
    (
        "Outlook, French",
        "TR: Étagère",
        "Pour vous.\n\nDe : Olga Winter <olga@example.net>\nEnvoyé : lundi 6 mai 2024 16:02\nÀ : info@example.com\n"
        "Objet : Étagère cassée\n\nElle est cassée.\n",
        "lundi 6 mai 2024 16:02",
        "Étagère cassée",
    ),
    (
        "Outlook with mailto",
        "FW: Shelf",
        "From: Olga Winter [mailto:olga@example.net]\nSent: Monday, May 6, 2024 4:02 PM\nTo: info@example.com\n"
        "Subject: Broken shelf\n\nIt is broken.\n",
        "Monday, May 6, 2024 4:02 PM",
        "Broken shelf",
    ),
    (
        "Thunderbird, Polish",
        "Fwd: Półka",
        "--- Treść przekazanej wiadomości ---\nTemat: \tUszkodzona półka\nData: \tMon, 6 May 2024 16:02:11 +0200\n"
        "Nadawca: \tOlga Winter <olga@example.net>\nAdresat: \tinfo@example.com\n\n\nUszkodzona.\n",
        "Mon, 6 May 2024 16:02:11 +0200",
        "Uszkodzona półka",
    ),
    (
        "Yahoo, run together",
        "Fw: Shelf",
        '   ----- Forwarded Message ----- From: Olga Winter <olga@example.net>To: "info@example.com" <info@example.com>'
        "Sent: Monday, May 6, 2024, 04:02:11 PM GMT+2Subject: Broken shelf\n It is broken.\n",
        "Monday, May 6, 2024, 04:02:11 PM GMT+2",
        "Broken shelf",
    ),
    (
        "Outlook 2019, written as an answer",
        "FW: Broken shelf",
        'On 06/05/2024 16:02, "Olga Winter" <olga@example.net> wrote:\n\n    It is broken.\n',
        "06/05/2024 16:02",
        "Broken shelf",
    ),
    (
        "Outlook 2019, Norwegian",
        "Vs: Broken shelf",
        "Olga Winter <olga@example.net> skrev følgende den 06/05/2024 16:02:\n\n    Den er ødelagt.\n",
        "06/05/2024 16:02",
        "Broken shelf",
    ),
    (
        "HubSpot, Japanese",
        "Fwd: 棚",
        "---------- メッセージを転送 ---------\n送信元：Olga Winter <olga@example.net>\n"
        "日付：2024年5月6日月曜日 16:02:11\n"
        "件名：壊れた棚\n送信先：info@example.com\n\n壊れています。\n",
        "2024年5月6日月曜日 16:02:11",
        "壊れた棚",
    ),
    (
        "eM Client, labels without colons",
        "Fw: Shelf",
        '------ Forwarded Message ------\nFrom "Olga Winter" <olga@example.net>\nTo info@example.com\n'
        "Date 5/6/2024 4:02:11 PM\nSubject Broken shelf\n\nIt is broken.\n",
        "5/6/2024 4:02:11 PM",
        "Broken shelf",
    ),
    (
        "Outlook, Arabic",
        "Fwd: رف",
        "من: Olga Winter <olga@example.net>\nتم الإرسال: الاثنين، 6 مايو، 2024 16:02\nإلى: info@example.com\n"
        "الموضوع: رف مكسور\n\nإنه مكسور.\n",
        "الاثنين، 6 مايو، 2024 16:02",
        "رف مكسور",
    ),
]


@pytest.mark.parametrize(
    ("subject", "body", "date", "original"), [case[1:] for case in FORWARDS], ids=[case[0] for case in FORWARDS]
)
def test_sender_date_and_subject_of_the_original(subject: str, body: str, date: str, original: str) -> None:
    found = find_forwarded(subject, body, "")
    assert found is not None
    assert (found.sender, found.date, found.subject) == (OLGA, date, original)


def test_an_html_only_forward_is_read_as_well() -> None:
    html = (
        '<div class="gmail_quote">---------- Forwarded message ---------<br>'
        "From: <b>Olga Winter</b> &lt;olga@example.net&gt;<br>"
        "Date: Mon, May 6, 2024<br>Subject: Broken shelf<br>To: info@example.com<br><br>It is broken.</div>"
    )
    found = find_forwarded("Fwd: Broken shelf", "", html)
    assert found is not None
    assert (found.sender, found.subject) == (OLGA, "Broken shelf")


def test_an_answer_is_no_forward() -> None:
    header = (
        "From: Olga <olga@example.net>\nSent: 6 May 2024 16:02\nTo: info@example.com\nSubject: Shelf\n\nIt is broken.\n"
    )
    assert find_forwarded("RE: Shelf", "Thanks.\n\n" + header, "") is None
    assert find_forwarded("Shelf", "It is broken.\n", "") is None
    assert find_forwarded("Invoices", "Forwarded:\n\n- number 88 to Anna\n- number 89 to Bo\n", "") is None


def test_an_answer_to_a_forward_is_no_forward() -> None:
    body = (
        "I take it.\n\nOn 6 May 2024, Dev <dev@example.com> wrote:\n"
        "> ---------- Forwarded message ---------\n> From: Olga <olga@example.net>\n"
    )
    assert find_forwarded("Re: Fwd: Shelf", body, "") is None


def test_a_forward_whose_header_cannot_be_read_is_still_one() -> None:
    found = find_forwarded("Fwd: Shelf", "---------- Forwarded message ---------\n\nIt is broken.\n", "")
    assert found is not None
    assert found.sender is None


@pytest.mark.parametrize(
    "line",
    [
        "----- Forwarded message from Olga <olga@example.net> -----",
        "----- Forwarded by Anna Berg/Example on 05/06/2024 05:00 PM -----",
        "----- Weitergeleitet von Anna Berg/Beispiel am 06.05.2024 17:00 -----",
        "----- Transféré par Anna Berg/Exemple le 06/05/2024 17:00 -----",
    ],
)
def test_a_line_that_names_somebody_announces_a_forward_whatever_the_subject(line: str) -> None:
    header = "From: Olga Winter <olga@example.net>\nDate: 6 May 2024 16:02\nSubject: Broken shelf"
    body = f"Look.\n\n{line}\n\n{header}\n\nIt is broken.\n"
    found = find_forwarded("Shelf", body, "")
    assert found is not None
    assert (found.sender, found.subject) == (OLGA, "Broken shelf")
