"""Replies that only say thanks: every word of them is courtesy. One word of substance, a question, and it is none."""

from __future__ import annotations

import re

_MAX_CHARACTERS = 280
_MAX_WORDS = 40

_CORE = frozenset(
    """thanks thank thx ty cheers merci danke dank gracias obrigado obrigada grazie bedankt tack
    takk tak kiitos dziękuję dzięki děkuji díky köszönöm mulțumesc teşekkürler teşekkür спасибо
    дякую
    ありがとう ありがとうございます ありがとうございました 谢谢 謝謝 감사합니다 ok okay perfect perfekt parfait perfecto
    perfetto great super works working solved resolved fixed funktioniert marche funciona""".split()
)
_COURTESY = _CORE | frozenset(
    """a again all and appreciate appreciated awesome best beste bien big brilliant day done dear
    excellent fine for fast good got great greetings grüße gruß gruss hello help hi hallo hey
    hola bonjour ciao i it is its you your yours kind kindly lot lots lovely many mit mille
    million much muchas muy nice noted now of perfectly prompt quick really regards reply
    response received so sounds speedy support team that that's thats the this time to
    understood und very vielen viele warm well wonderful work works yes je vous remercie
    beaucoup pour votre aide réponse cordialement für die ihre hilfe schnelle antwort
    freundlichen freundliche herzlichen alles klar jetzt es nun wieder super vielmals ayuda hat por
    su tu respuesta muito pela ajuda molte per aiuto l'aiuto saludos cordiales un saludo
    everyone""".split()
)
_GREETING = re.compile(
    r"\s*(?:hi|hello|hey|dear|hallo|bonjour|hola|ciao|liebe[rs]?)\s+[^\W\d_]+(?:\s+[^\W\d_]+)?\s*[,!.]*\s*$", re.I
)
_NAME = re.compile(r"[^\W\d_][\w.'’-]*(?:\s+[^\W\d_][\w.'’-]*)?")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def only_thanks(text: str) -> bool:
    """Whether a reply (without its quotation) is nothing but thanks, in any of a dozen languages."""
    text = text.strip()
    if not text or len(text) > _MAX_CHARACTERS or re.search(r"[?？\d]|https?:", text):
        return False
    lines = [line for line in text.splitlines() if line.strip()]
    words = _WORD.findall("\n".join(_without_names(lines)).lower())
    return bool(words) and len(words) <= _MAX_WORDS and set(words) <= _COURTESY and bool(_CORE & set(words))


def _without_names(lines: list[str]) -> list[str]:
    """The lines without the name after a greeting and the one under the closing words."""
    if len(lines) > 1 and _GREETING.match(lines[0]):
        lines = lines[1:]
    if len(lines) > 1 and _NAME.fullmatch(lines[-1].strip()) and lines[-1].istitle():
        lines = lines[:-1]
    return lines
