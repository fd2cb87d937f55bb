"""Every sample of tests/mails/replies gives exactly what its author wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from mail.parse import parse
from mail.reply import extract_reply

REPLIES = Path(__file__).parents[2] / "mails" / "replies"
SAMPLES = sorted(path for path in REPLIES.iterdir() if path.suffix in (".txt", ".html"))


def beside(sample: Path, suffix: str) -> str:
    path = sample.with_suffix(suffix)
    return path.read_bytes().decode() if path.exists() else ""


def words(text: str) -> list[str]:
    return text.split()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_the_reply_is_what_the_author_wrote(sample: Path) -> None:
    body = sample.read_bytes().decode()
    text, html = ("", body) if sample.suffix == ".html" else (body, "")
    known = beside(sample, ".known")
    reply = extract_reply(text, html, [known] if known else [], beside(sample, ".subject").strip())
    assert words(reply.text) == words(beside(sample, ".expected"))


@pytest.mark.parametrize("mail", sorted(REPLIES.glob("*.eml")), ids=lambda path: path.name)
def test_the_reply_of_a_mail_with_text_and_html(mail: Path) -> None:
    email = parse(mail.read_bytes()).email
    assert words(email.reply_text) == words(beside(mail, ".expected"))


def test_the_corpus_covers_languages_and_clients() -> None:
    assert len(SAMPLES) >= 300
    languages = [
        "en",
        "de",
        "fr",
        "es",
        "it",
        "pt",
        "nl",
        "pl",
        "ru",
        "sv",
        "tr",
        "zh",
        "ja",
        "ko",
        "da",
        "no",
        "fi",
        "cs",
        "hu",
        "uk",
        "ro",
    ]
    for language in languages:
        assert sum(sample.name.startswith(f"{language}-") for sample in SAMPLES) >= 8, language


def test_confidence_is_high_on_answers_to_quoted_mail() -> None:
    confidences = [
        extract_reply(sample.read_bytes().decode(), "").confidence
        for sample in SAMPLES
        if sample.name.endswith(("-gmail-text.txt", "-apple-iphone.txt"))
    ]
    assert min(confidences) >= 0.9
