"""Replies that only say thanks. Taking one of substance for thanks would hide it, so doubt means no."""

from __future__ import annotations

import pytest

from domain.thanks import only_thanks


@pytest.mark.parametrize(
    "text",
    [
        "Thanks!",
        "thank you very much",
        "Great, works now. Thanks a lot!",
        "Hi Bob,\n\nmany thanks for your quick help.\n\nBest regards,\nAlice Smith",
        "Vielen Dank für die schnelle Hilfe!",
        "Danke, hat funktioniert",
        "Merci beaucoup pour votre aide",
        "Muchas gracias por su ayuda.",
        "ありがとうございます。",
        "OK",
    ],
)
def test_courtesy(text: str) -> None:
    assert only_thanks(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n",
        "Alice",
        "Best regards,\nAlice",
        "Thanks, but it still fails.",
        "Thanks! Works now?",
        "Thanks, please close ticket",
        "Thank you. Invoice 4711 is missing",
        "Thanks, see https://example.com",
        "Thanks!\nIt broke",
        "Thanks " * 60,
        "It burns again.",
    ],
)
def test_anything_else(text: str) -> None:
    assert not only_thanks(text)
