"""Delivery reports that do not follow RFC 3464: told by sender, subject and wording, as each mail server words them.

One sign alone is never enough: people write about bounces, quote them, and forward them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from mail.headers import Headers
from mail.unattended import auto_submitted

_MAX_BODY = 12_000
_MAX_OPENING = 600

# An address as bounces print it; linear, since both runs are bounded and end in a fixed character.
ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,128}@[A-Za-z0-9\u00a1-\uffff](?:[\w.-]{0,252}[^\W_])?", re.ASCII)

_LISTED = re.compile(
    rf"^[ \t<\"'\[(]*{ADDRESS.pattern}"
    rf"|(?:to|an|a|à|aan|til|för|für|recipient|:|=) ?[<\"'\[(]*(?:smtp:)?{ADDRESS.pattern}"
    rf"|{ADDRESS.pattern}[>\"'\])]*[.:]?[ \t]*$",
    re.I | re.M,
)
# Names that only a mail server uses, and those that people in charge of one use as well.
_DAEMON = re.compile(
    r"mailer[-_.]?daemon|mail[-_.]?daemon|mdaemon|mail[ .-]?deliver(?:y)?[ .-]?(?:sub)?system"
    r"|delivery[ -]?(?:sub)?system"
    r"|jetmail system|smtp_mail_service|symantec_antivirus|microsoftexchange[0-9a-f]{8}"
    r"|imss@|\bndr@|zustellsystem",
    re.I,
)
_OFFICE = re.compile(
    r"mail delivery|delivery service|postmaster|post_office@|gwia@|mail ?master|(?:mail|system) administrator"
    r"|mail[ .-]?(?:system|server)|autosend",
    re.I,
)
_BULK = re.compile(r"\s*(?:bulk|junk|list|auto)", re.I)
# Receipts of Italy's certified mail (RFC 6109) that say no.
_UNCERTIFIED = re.compile(r"\s*(?:(?:preavviso-)?errore-consegna|non-accettazione|rilevazione-virus)", re.I)
_NO_REPLY = re.compile(r"no[-_.]?reply@", re.I)
# What else cannot be delivered.
_PARCEL = re.compile(
    r"parcel|package|shipment|courier|tracking|paket|sendung|colis|paquete|pacco|pakket|przesyłk|encomenda"
    r"|посылк|försändelse",
    re.I,
)

# One of these is in every report about mail.
_MAIL = re.compile(
    r"mail|message|nachricht|courriel|mensaje|correo|messaggi|mensage|bericht|wiadomo|письм|сообщ|повідомл|meddel|melding"
    r"|viesti|ileti|mesaj|zpráv|üzenet|邮件|郵件|メール|메일|smtp|recipient|\b5\d\d\b",
    re.I,
)

# "could not be delivered" in other languages: in subjects and in texts.
_NOT_DELIVERED = (
    r"konnten? (?:leider )?nicht (?:zugestellt|übermittelt|ausgeliefert)|nicht zugestellt werden"
    r"|n.(?:a|ont) pas (?:pu être|été) (?:remise?s?|délivr|distribu|livr)"
    r"|no (?:se )?(?:pudo|ha podido|puede|pudieron|ha sido)[^\n]{0,12} (?:entreg|enviad)"
    r"|impossibile (?:recapitare|consegnare)|non (?:è stato|può essere)[^\n]{0,12} (?:recapita|consegna)"
    r"|não (?:foi possível|pôde ser|foi) (?:entreg|enviad)|kon(?:den)? niet worden (?:bezorgd|afgeleverd)"
    r"|nie (?:mogła|mógł|można|udało się|zosta[łl]a?)[^\n]{0,20}dostarcz"
    r"|не (?:может|могло|удалось|было|смогли)[^\n]{0,24}доставл|не (?:може|вдалося)[^\n]{0,24}достав"
    r"|kunde inte levereras|kunne ikke leveres|ei voitu toimittaa|teslim edilemedi|iletilemedi"
    r"|nelze doručit|(?:nepodařilo se|nebyla?) doruč|nem (?:sikerült|lehetett) kézbesít|nu a putut fi livrat"
    r"|không (?:gửi được|thể (?:gửi|chuyển))|ไม่สามารถส่ง|تعذر (?:تسليم|إرسال)|לא ניתן (?:היה )?למסור"
    r"|tidak (?:dapat|bisa) (?:ter|di)kirim|nije (?:bilo )?moguće (?:isporuč|dostav)"
    r"|δεν (?:ήταν δυνατή η παράδοση|παραδόθηκε)|無法(?:傳遞|投遞|送達)|无法(?:送达|投递|发送)"
    r"|(?:没有|未)能?够?(?:送达|投递)"
    # Exchange: "did not reach some or all of the intended recipients".
    r"|empfänger[^\n]{0,30} nicht erreich|n.est pas parvenue? à|impossible de joindre le|no llegó a (?:algunos|todos)"
    r"|no se puede localizar a|non ha raggiunto|impossibile raggiungere i|não chegou a"
    r"|não foi possível entrar em contato"
    r"|(?:ontvangers|geadresseerden?)[^\n]{0,12} niet bereik|nie dotarła do|nådde inte|nådde ikke|nåede ikke"
    r"|ei tavoittanut"
    r"|ulaşamadı|nedorazila k|не дошло до|未到达|未到達|到達しませんでした|도달하지 못|未传递|未傳遞"
    r"|配信(?:できま|不能|に失敗)|お届けできま|전송(?:하지 못|되지 (?:않|못)|에 실패)|배달(?:하지|되지) 못"
)

# What subjects of delivery reports say; a reply to one starts with Re: and is excluded before.
_SUBJECT = re.compile(
    r"undeliver(?:able|ed)|non[- ]?deliver|not (?:be )?delivered|deliver(?:y|ing)?[ -](?:status|fail(?:ure|ed)"
    r"|has failed|problem|error|report|notification|warning|incomplete|delayed)|failure notice|failure delivery"
    r"|returned (?:e-?)?mail|returned to sender"
    r"|mail (?:delivery )?(?:error|fail|system error|could not|delivery (?:warning|problem|fail|error|delay))"
    r"|returning (?:message )?to sender"
    r"|mail delivery|message (?:delivery|status|delayed)|delayed mail|(?:message"
    r"|mail) (?:has )?not (?:yet )?been delivered"
    r"|warning: (?:message|could not send)|user unknown|failed mail|bounced? (?:mail|message)|email delivery fail"
    r"|automatically rejected"
    r"|could not be delivered|couldn.t be delivered|permanent (?:delivery )?failure|processing error"
    r"|unzustellbar|nicht zustellbar|zustellung (?:fehl|verz)|(?:fehler|probleme?) (?:bei|beim) .{0,30}(?:zustell"
    r"|versand)|unzustellbare"
    r"|non remis|non distribu|échec de (?:la )?(?:remise|distribution)|retour(?:né)? à l.exp"
    r"|utilisateur non recens|notification d.état"
    r"|no se puede entregar|no entregad|devuelto|notificación de (?:estado|entrega)|error de entrega"
    r"|recapito|mancat[ao] (?:recapito|consegna)|non recapitabile|notifica sullo stato"
    r"|não entregue|não (?:foi|pôde ser) entregue|falha (?:na|de) entrega|notificação de status"
    r"|onbestelbaar|niet (?:bezorgd|afgeleverd)|kan niet worden bezorgd|nie(?:dostarcz|można dostarczyć)"
    r"|zwrot (?:poczty|wiadomości)"
    r"|не ?доставлен|недоставлен|не может быть доставлено|kunde inte levereras|olevererbart|ikke leveres"
    r"|kan ikke leveres"
    r"|ei voitu toimittaa|toimittaminen epäonnistui|teslim edilemedi|iletilemedi|nedoručiteln|kézbesíthetetlen"
    r"|nelivrabil"
    r"|退信|系统退信|投递失败|エラーメール|반송|전송 실패|배달되지|message you sent (?:was )?(?:blocked|rejected)"
    r"|\[bounce\]|error sending message|(?:message|e-?mail) (?:was |has been )?(?:rejected|refused)"
    r"|(?:nachricht|e-?mail)[^\n]{0,12} (?:abgewiesen|abgelehnt)"
    rf"|{_NOT_DELIVERED}",
    re.I,
)

# Wording that only the report itself has; the groups say nothing, the positions after it hold the address.
_FAILURE = re.compile(
    r"could not deliver|has been postponed|full mailbox|invalid final delivery|delivery problems?"
    r"|user not known|failed recipients?\b"
    r"|error was detected while"
    r"|(?:delivery|mail|message)[^\n.]{0,60} postponed"
    r"|was addressed[^\n]{0,60}\n?[^\n]{0,30}did not (?:exactly )?match|"
    r"this is the (?:qmail|mail system at host|mail delivery|post(?:fix|master)|mimesweeper)"
    r"|(?:mail|message|delivery)[^\n.]{0,60}(?:could not|couldn.t|can ?not|was not|wasn.t|were not|ha(?:s|ve) not been"
    r"|unable to)[^\n.]{0,20}"
    r"\b(?:be )?(?:deliver|sent|process|complet|reach)"
    r"|(?:unable|failed|not able|wasn.t able|was not able|couldn.t be able) to (?:be )?deliver"
    r"|delivery (?:has )?fail(?:ed|ure)"
    r"|(?:permanent|fatal|transient non-fatal|temporary|delivery) (?:fatal )?(?:errors?|failures?)\b"
    r"|did not reach the following"
    r"|following (?:recipient|address|user|mail ?box)[^\n]{0,12} (?:could|can|were|was|failed|had|did|cannot|has|have)"
    r"|the following address(?:es)?\b|following errors? occurred|(?:undeliverable|undelivered)[^\n]{0,30}(?:to"
    r"|message|mail)"
    r"|returned (?:mail|message|to sender)|message (?:returned|bounced)|(?:user|mailbox|account|recipient"
    r"|address)[^\n]{0,40}"
    r"(?:unknown|not found|disabled|does not exist|doesn.t exist|is full|unavailable|rejected|is not a (?:valid"
    r"|known)|not listed|not exist)"
    r"|no such (?:user|mailbox|recipient|account|address|person|domain)|unrouteable|host (?:unknown|not found)"
    r"|relay(?:ing)? (?:access )?denied"
    r"|(?:over|exceeded?|full)[^\n]{0,24}quota|quota exceeded|has not (?:yet )?been delivered|still being retried"
    r"|will (?:continue to )?retry"
    r"|you do not need to (?:re-?send|retry)|warning message only|rejected (?:by|your|for|because)|message size exceed"
    r"|too many hops|mail loop|unknown user|message sent to [^\n]{0,80} bounced|vom empfänger[^\n]{0,20} abgewiesen"
    r"|(?:is|was|were) undeliverable|(?:was|been) blocked by (?:our|the)"
    r"|unzustellbar|fehler bei der nachrichtenzustellung|échec de la remise|error al entregar|recapito non riuscito"
    r"|falha (?:na|ao|de) entreg|bezorging[^\n]{0,30}mislukt|niepowodzenie dostarcz|сбой доставки|не доставлено"
    r"|leverans[^\n]{0,30}misslyckades|传递失败|傳遞失敗|(?<!\d)5\d\d[ -]#?5\.\d{1,3}\.\d{1,3}(?!\d)"
    rf"|non recensé|недоставлен|退回|{_NOT_DELIVERED}",
    re.I,
)
_DELAY = re.compile(
    r"has not (?:yet )?been delivered|not yet been delivered|still being retried|delayed|will (?:continue to "
    r"|be )?(?:re-?tr(?:y|ied)|attempt)"
    r"|warning message only|do not need to re-?send|(?:could not|cannot) send (?:message )?for (?:the )?past"
    r"|transient non-fatal"
    r"|delivery incomplete|temporary problem"
    r"|noch nicht zugestellt|verzögert|retard|demora|ritard|vertraagd|opóźni|задерж|延迟|遅延|지연",
    re.I,
)
_DELAY_OVER = re.compile(
    r"(?:gave|giving) up|given up|blocked by (?:our|the)"
    r"|retry time(?:out)? (?:not reached|exceeded|expired)|permanent|final|no longer",
    re.I,
)

# Where the returned mail starts inside the report's own text.
_RETURNED = re.compile(
    r"^[ \t>]*(?:[-=_*#]{2,}+[^\n]{0,20}(?:below this line|original message|unsent message|returned message"
    r"|message header|copy of (?:the|your)"
    r" |this is a copy|full headers|message text follows|original e-?mail|text of (?:the|your)"
    r"|headers? follow|messaggio originale|message (?:original|d.origine)|mensaje original|mensagem original"
    r"|(?:original|ursprüngliche[nr]?)[ -]?(?:nachricht|e-?mail)|kopfzeilen|oorspronkelijk bericht|kopi[ai] wiadomości"
    r"|исходно|původní|原信|原邮件|元のメッセージ|원본)[^\n]{0,80}"
    r"|(?:a copy of|the (?:text of the )?original)[^\n]{0,40}(?:message|mail)(?! was received)[^\n]{0,60}"
    r"(?:follows?|below|attached|was)?[^\n]{0,40}:?"
    r"|(?:your |the )?(?:original |returned )(?:message|mail)(?: headers?)?(?: follows)?[:.]?|received: from [^\n]+"
    r"|return-path: [^\n]+)[ \t]*$",
    re.I | re.M,
)

_STATUS = re.compile(r"(?<![\d.])([45])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_SMTP_CODE = re.compile(r"(?<![\d.:])([45]\d\d)(?=[ -]\D)")
_STATUS_WORDS = (
    (
        re.compile(
            r"quota|mailbox (?:is )?full|over(?:\s*limit| the limit)|insufficient (?:disk|storage)"
            r"|postfach[^\n]{0,20}voll",
            re.I,
        ),
        "5.2.2",
    ),
    (re.compile(r"too (?:large|big)|size (?:exceed|limit)|exceed[^\n]{0,40}size", re.I), "5.3.4"),
    (
        re.compile(
            r"host (?:unknown|not found)|unrouteable|no such (?:host|domain)|domain[^\n]{0,30}not (?:found"
            r"|exist)|name service",
            re.I,
        ),
        "5.1.2",
    ),
    (re.compile(r"disabled|inactive|suspended|not active|discontinued", re.I), "5.2.1"),
    (re.compile(r"spam|blocked|blacklist|policy|relay(?:ing)? (?:access )?denied|virus|content", re.I), "5.7.1"),
    (
        re.compile(
            r"unknown|no such (?:user|mailbox|recipient|account|address|person)|not (?:found|exist|listed|known)"
            r"|doesn.t (?:exist|have)"
            r"|invalid|unrecogni[sz]ed|non recens|unbekannt|не (?:существует|найден)|不存在",
            re.I,
        ),
        "5.1.1",
    ),
)
_ID_LABEL = re.compile(r"message[- ]?id|in-reply-to|references", re.I)
_SYSTEM_LOCAL = re.compile(r"(?:mailer-?daemon|postmaster|mdaemon|mail-?daemon|abuse|noreply|no-reply)\Z", re.I)


def is_bounce(headers: Headers, text: str, returned_headers: str | None) -> bool:
    """Whether a mail that is no multipart/report reports a failed or late delivery: at least two independent signs."""
    if "X-Failed-Recipients" in headers or _UNCERTIFIED.match(headers.get("X-Ricevuta") or ""):
        return True
    subject = headers.get("Subject") or ""
    sender = _sender(headers)
    # Wordings are looked for last, the text's after the subject's: mail between people needs neither search.
    if sender == "daemon":
        return _is_titled(subject) or _failure(text) is not None
    unanswerable = _is_unanswerable(headers)
    if _is_answer(subject):
        # James answers like a person, but from an address of its own and with the mail.
        returned = sender == "office" and unanswerable and returned_headers is not None
        return returned and _failure(text) is not None
    if sender == "office" or unanswerable:
        titled = _is_titled(subject)
        if titled and returned_headers is not None:
            return True
        if titled and _failure(text) is not None:
            # Whoever takes no answers may name the address in a sentence, as people do.
            named = recipient(headers, text) is not None if unanswerable else _lists_recipient(headers, text)
            if named:
                return True
        return sender == "office" and unanswerable and (titled or _failure(text) is not None)
    # A gateway may speak in a name of its own; it does so automatically and comes to the point at once.
    automatic = _is_automatic(headers)
    if not ((automatic or _NO_REPLY.search(headers.get("From") or "")) and _is_titled(subject)):
        return False
    opening = text[:_MAX_OPENING]
    if not _failure(opening) or not _MAIL.search(opening) or _PARCEL.search(f"{subject} {opening}"):
        return False
    return (automatic or "List-Id" not in headers) and recipient(headers, opening) is not None


def is_personal(headers: Headers) -> bool:
    """Whether nothing in the header speaks for a mail server."""
    return _sender(headers) == "person" and not _is_unanswerable(headers) and not _is_automatic(headers)


def is_delay(headers: Headers, body: str) -> bool:
    """Whether the mail server says it will go on trying."""
    if _DELAY.search(headers.get("Subject") or ""):
        return True
    return bool(_DELAY.search(body)) and not _DELAY_OVER.search(body)


def split_returned(text: str) -> tuple[str, str | None]:
    """(what the mail server says, the mail it returns inside the same text or None)."""
    text = text[:_MAX_BODY]
    match = _RETURNED.search(text, 1)
    if not match:
        return text, None
    return text[: match.start()], text[match.start() :]


def status(body: str) -> str | None:
    """An enhanced status code (RFC 3463): as printed, else from the SMTP reply code, else from the wording."""
    printed = _STATUS.search(body)
    if printed:
        return ".".join(printed.groups())
    for pattern, code in _STATUS_WORDS:
        if pattern.search(body):
            return code
    reply = _SMTP_CODE.search(body)
    return f"{reply[1][0]}.0.0" if reply else None


def recipient(headers: Headers, body: str) -> str | None:
    """The first address the mail server names after saying that delivery failed, else any it names."""
    own = {
        address.lower()
        for name in ("To", "From", "Sender", "Return-Path")
        for address in ADDRESS.findall(headers.get(name) or "")
    }
    subject = ADDRESS.search(headers.get("Subject") or "")
    failure = _failure(body)
    candidates = _addresses(body, failure.start() if failure else 0, own)
    first = next(candidates, None)
    if first:
        return first
    if subject and subject[0].lower() not in own:
        return subject[0]
    return next(_addresses(body, 0, own), None)


def _lists_recipient(headers: Headers, text: str) -> bool:
    """Whether an address stands where reports put it, not amid somebody's sentence."""
    return recipient(headers, text) is not None and _LISTED.search(text[:_MAX_BODY]) is not None


def _addresses(body: str, start: int, own: set[str]) -> Iterator[str]:
    for match in ADDRESS.finditer(body, start):
        address = match[0].lstrip("'`=").removeprefix("mailto:")
        address = address[5:] if address[:5].lower() == "smtp=" else address
        local = address.partition("@")[0]
        if address.lower() in own or _SYSTEM_LOCAL.match(local):
            continue
        line = body.rfind("\n", 0, match.start()) + 1
        if not _ID_LABEL.search(body, line, match.start()):
            yield address


def _failure(text: str) -> re.Match[str] | None:
    return _FAILURE.search(text[:_MAX_BODY])


def _sender(headers: Headers) -> Literal["daemon", "office", "person"]:
    sender = (headers.get("From") or "").strip()[:500]
    if sender in ("", "<>") or sender.endswith("<>") or _DAEMON.search(sender):
        return "daemon"
    return "office" if _OFFICE.search(sender) else "person"


def _is_unanswerable(headers: Headers) -> bool:
    return (headers.get("Return-Path") or "").strip() in ("<>", "<MAILER-DAEMON>", "MAILER-DAEMON")


def _is_automatic(headers: Headers) -> bool:
    return auto_submitted(headers) != "" or _BULK.match(headers.get("Precedence") or "") is not None


def _is_titled(subject: str) -> bool:
    return bool(_SUBJECT.search(subject))


def _is_answer(subject: str) -> bool:
    return bool(re.match(r"\s*(?:re|aw|sv|antw?|fwd?|wg|tr|rv|vs|r|odp|ynt|rif|回复|答复|转发)\s*[:：]", subject, re.I))
