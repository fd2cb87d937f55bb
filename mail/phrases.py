"""The words mail programs and their users write around a message, in the languages of the people who write to us.

Only words live here; what they mean where is decided by the modules that use them.
"""

from __future__ import annotations

import re
from typing import Literal

Label = Literal["from", "date", "to", "cc", "subject", "other"]


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split("|") if word.strip()]


# Header labels above quoted and forwarded mail

_LABELS: dict[Label, str] = {
    "from": "from|von|de|da|van|od|fra|från|från/from|lähettäjä|feladó|de la|expeditor|expeditorul|kimden|gönderen|от"
    "|от кого|отправитель"
    "|від|від кого|відправник|发件人|發件人|寄件人|寄件者|寄信人|差出人|送信元|送信者|보낸 사람|보낸사람|발신"
    "|보낸이|expéditeur|mittente|remitente|remetente|nadawca|absender"
    "|afzender|avsändare|avsender|afsender|odesílatel|odosielateľ|šalje|saatja|nuo|no|από|מאת|kirjuttaja"
    "|pošiljatelj|šalje|de/from|from/de"
    "|from/von|von/from|o̅d|desde|dari|người gửi|từ|จาก|det|من|المرسل|از|από|nuo",
    "date": "date|sent|sent on|datum|gesendet|gesendet am|envoyé|envoyé le|date d'envoi|enviado|enviado el|enviado em"
    "|enviada|enviada em|enviada el|enviados|enviadas|отправленные"
    "|送信済み|enviat el|gönderilen|gönderilmiş|gönderilme tarihi|εστάλη|ส่ง|วันที่"
    "|fecha|fecha de envío|data|inviato|data invio|verzonden|verzonden op|wysłano|wysłane|data wysłania"
    "|отправлено|дата|дата отправки|надіслано|відправлено|skickat|skickad"
    "|sendt|sendt dato|dato|lähetetty|päivämäärä|päiväys|odesláno|odoslané|dátum|elküldve|küldve|trimis"
    "|trimise|dată|gönderildi"
    "|gönderme tarihi|gönderilme|tarih|发送时间|发送日期|日期|寄件日期|傳送時間|送信日時|日時|日付|送信"
    "|보낸 날짜|보낸날짜|날짜|보낸 시간|발신일|일시|le|poslano|saadetud|kuupäev|saatmisaeg"
    "|ημερομηνία|στάλθηκε|תאריך|נשלח|tanggal|ngày|ngày gửi|時間|时间|تاريخ|التاريخ|تم الإرسال|تاريخ الإرسال|الإرسال"
    "|أرسلت|ارسال شده|تاریخ"
    "|изпратено|išsiųsta|nosūtīts|enviat|dikirim|đã gửi|vreme|послато|poslato",
    "to": "to|an|à|a|aan|para|do|komu|til|till|vastaanottaja|címzett|către|pentru|la|destinatar|destinatarul|kime"
    "|alıcı|кому|получатель|одержувач|收件人|收件者|收信人"
    "|宛先|送信先|受信者|받는 사람|받는사람|수신|받는이|pour|destinataire|destinatario|destinatário|adresat"
    "|empfänger|ontvanger|mottagare|mottaker|modtager|príjemca|prima"
    "|saaja|προς|אל|kepada|đến|tới|ถึง|pre|إلى|به|до|kam|iki|za|per a|за|adressaat",
    "cc": "cc|kopie|copie|copie à|copia|con copia|cópia|kopia|dw|do wiadomości|копия|копія|kopi|kopio|másolatot kap"
    "|másolat|bilgi|抄送|抄送人|副本|副本抄送|ｃｃ|참조|cc à"
    "|cópia para|kópia|bcc|cci|cco|نسخة|نسخة إلى|עותק|κοιν|κοινοποίηση|bilgi (cc)|cc:|c.c.",
    "subject": "subject|betreff|objet|sujet|asunto|oggetto|assunto|onderwerp|temat|тема|ämne|emne|aihe|předmět|predmet"
    "|tárgy|subiect|subiectul|konu|主题|主題"
    "|主旨|件名|제목|naslov|θέμα|נושא|subjek|perihal|chủ đề|เรื่อง|teema|tema|الموضوع|موضوع|относно|zadeva|tēma|assumpte",
    "other": "reply-to|antwort an|répondre à|responder a|rispondi a|organization|organisation|importance|wichtigkeit"
    "|priority|priorität|anlagen|attachments"
    "|pièces jointes|datos adjuntos|allegati|anexos|bijlagen|załączniki|вложения|bilagor|resent-from"
    "|message-id|in-reply-to|references|mailed-by|signed-by"
    "|security|list-id|x-mailer|mime-version|content-type|reply to|importancia|importanza|prioriteit"
    "|添付ファイル|附件|첨부|важность|priorité|bijlage|anhang"
    "|attachment|vedhæftet|vedlegg|liitteet|přílohy|mellékletek|ekler|category|categories|sensitivity|responder a",
}
# A word that is a label of two kinds keeps the first: "De", "Data", "A" and "Da" differ by language, not by meaning.
LABELS: dict[str, Label] = {}
for _kind, _list in _LABELS.items():
    for _word in _words(_list):
        LABELS.setdefault(_word.casefold(), _kind)
MAX_LABEL = max(map(len, LABELS))

# "… wrote:"

_WROTE = (
    "wrote|writes|has written|sent|said|says|schrieb|schrieben|schrieb folgendes|geschrieben|schreibt"
    "|hat geschrieben|a écrit|écrivait|a ecrit|a répondu|nous a dit"
    "|escribió|escribio|escribía|escribe|ha scritto|scrisse|scriveva|scrive|escreveu|escrevia|escreve"
    "|het volgende geschreven|heeft geschreven|geschreven|schreef|schreef het volgende|schrijft"
    "|napisał|napisała|napisał(a)|napisał/a|napisal|napisala|napisal(a)|pisze|napisał(-a)|написал|написал(а)"
    "|написала|написал(-а)|пишет|писал|писал(а)|писали|написали|пише|написав"
    "|написав(-ла)|написав(ла)|пишет следующее|napsal|napsala|napsal(a)|píše|napísal|napísala|napísal(a)"
    "|ezt írta|írta|a következőt írta|şunu yazdı|şunları yazdı"
    "|yazdı|yazmış|a scris|scrie|kirjoitti|skrev|skrev följande|skrev følgende|har skrivit|έγραψε|написа"
    "|је написао|je napisao|je napisao/la|je napisala|piše|napisao"
    "|napisao je|napisala je|kirjutas|rašė|parašė|rakstīja|va escriure|menulis|đã viết|viết|כתב|כתבה|כתב/ה|كتب"
)
# Verbs that stand between the date and the name, so that the line does not end with them.
_SPACED = sorted((re.escape(word.lower()) for word in _words(_WROTE)), key=len, reverse=True)
_UNSPACED = (
    "写道|寫道|写到|写了|写信|撰寫|来信|來信|のメッセージ|のメール|さんは書きました|が書きました"
    "|さんが書きました|は書きました|の書き込み|書き込みました|様のメール"
    "|작성|님이 작성|님이 쓴 글|쓴 글|썼습니다|님의 말|님의 메시지|쓰기|เขียนว่า|เขียน"
)
# On lower-case text, like SELF_WROTE.
WROTE = re.compile(rf"(?<!\w)(?:{'|'.join(_SPACED)})(?!\w)|{_UNSPACED}")
# The last word of an attribution, for languages with spaces, and the ends of those without.
WROTE_ENDINGS = frozenset(word.lower().rpartition(" ")[2] for word in _words(_WROTE))
UNSPACED_WROTE = tuple(_words(_UNSPACED))
UNSPACED_ENDINGS = frozenset(word[-1] for word in UNSPACED_WROTE)
# Who wrote about their own writing is not quoting: "Am 5. Mai schrieb ich:".
SELF_WROTE = re.compile(
    r"(?<!\w)(?:i|we|they have|ich|wir|er|sie|nous|yo|noi|nós|ik|wij|ja|my|я|мы|jag|vi|ben|biz|我|我们|我們"
    r"|私)\s+(?:also |already |just |had |have |once |first )?"
    r"(?:wrote|said|schrieb(?:en)?|schreef|skrev|написали?|yazdım)(?!\w)|(?<!\w)(?:schrieb(?:en)?|schreef"
    r"|skrev)\s+(?:ich|wir|man|ik|wij|jag|jeg|vi)(?!\w)",
)

# How "On … wrote:" begins.
_OPENERS = (
    "on|at|in message|in article|am|um|im|le|el|il|il giorno|lo|em|no dia|a|op|den|d.|dne|dňa|dna|dnia|w dniu"
    "|w|в|у|от|le jour|pe|în data de|la|på|fra|kl."
    "|στις|dana|u|dne|vào|vào lúc|pada|kuupäeval|בתאריך|ב|на|за|del|il dì|vom|le :|quoting|zitat von|citando a"
    "|citazione|selon|il|el día|el dia|dia"
)
OPENERS = frozenset(_words(_OPENERS))
WEEKDAYS_MONTHS = re.compile(
    r"(?:mon|tue|wed|thu|fri|sat|sun|mo|di|mi|do|fr|sa|so|lun|mar|mer|mié|mie|jeu|jue|ven|vie|sam|sáb|sab|dim"
    r"|dom|gio|seg|ter|qua|qui|sex|ma|wo|vr|za|zo"
    r"|pon|wt|śr|sr|czw|pt|nd|пн|вт|ср|чт|пт|сб|вс|нд|понед|вторн|сред|четв|пятн|субб|воскр|понеділок|вівторок"
    r"|середа|четвер|п.ятниця|субота|неділя"
    r"|mån|tis|ons|tor|fre|lör|sön|man|tir|lør|søn|maan|ti|ke|to|pe|la|su|maanantai|tiistai|keskiviikko"
    r"|torstai|perjantai|lauantai|sunnuntai"
    r"|po|út|ut|st|čt|čtv|štv|pá|pi|so|ne|hétfő|kedd|szerda|csütörtök|péntek|szombat|vasárnap|lun|mie|joi|vin"
    r"|sâm|dum|pzt|sal|çar|per|cum|cmt|paz"
    r"|jan|feb|mär|mar|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez|янв|фев|мар|апр|мая|июн|июл|авг|сен|окт|ноя|дек"
    r"|星期|周|週|火曜|月曜|水曜|木曜|金曜|土曜|日曜|월요일|화요일|수요일|목요일|금요일|토요일|일요일)",
    re.I,
)

# Lines that stand above an original message

ORIGINAL = frozenset(
    word.casefold()
    for word in _words(
        "antwort nachricht|original message|original email|original mail|original|originalmessage"
        "|reply message|message d'origine|message original|message initial|mail original|e-mail original"
        "|courriel original"
        "|ursprüngliche nachricht|urspr. nachricht|ursprüngliche mail|originalnachricht|original-nachricht"
        "|ursprüngliche e-mail|mensaje original|mensaje de origen|correo original|messaggio originale"
        "|messaggio original|mensagem original|oorspronkelijk bericht|oorspronkelijke bericht"
        "|origineel bericht|originele bericht|wiadomość oryginalna|oryginalna wiadomość|original wiadomość"
        "|исходное сообщение|оригинальное сообщение|первоначальное сообщение|исходное письмо"
        "|початкове повідомлення|вихідне повідомлення|ursprungligt meddelande|originalmeddelande"
        "|ursprungsmeddelande|oprindelig besked|oprindelig meddelelse|original meddelelse"
        "|opprinnelig melding|alkuperäinen viesti|původní zpráva|původní e-mail|pôvodná správa|eredeti üzenet"
        "|eredeti levél|mesaj original|mesajul original|mesaj initial|özgün ileti|orijinal mesaj"
        "|orijinal ileti|asıl mesaj"
        "|原始邮件|原邮件|原始郵件|原郵件|原件|原始信件|邮件原件|回复的原邮件|回复的原邮件内容|元のメッセージ"
        "|元のメール|オリジナルメッセージ|original message follows|原始訊息|원본 메시지|원본 메일|원본메일"
        "|원본 이메일|izvorna poruka|αρχικό μήνυμα"
        "|reply|réponse au message|replied message|forwarded original message|message de|original appointment"
        "|originaltermin|rendez-vous d'origine|cita original|回复邮件|回复原邮件"
    )
)
FORWARDED = frozenset(
    word.casefold()
    for word in _words(
        "forwarded message|begin forwarded message|forwarded email|forwarded mail|forwarded by|fwd.msg"
        "|forwarded|start of forwarded message|inline forwarded message follows|weitergeleitete nachricht"
        "|anfang der weitergeleiteten nachricht|anfang der weitergeleiteten e-mail|weitergeleitete mail"
        "|weitergeleitete e-mail"
        "|message transféré|mail transféré|message transmis|début du message transféré|début du message réexpédié"
        "|message réexpédié|courriel transféré|e-mail transféré|mensaje reenviado|inicio del mensaje reenviado"
        "|correo reenviado"
        "|messaggio inoltrato|inizio messaggio inoltrato|inizio del messaggio inoltrato|mensagem encaminhada"
        "|mensagem reencaminhada|início da mensagem encaminhada|início da mensagem reencaminhada"
        "|doorgestuurd bericht|begin doorgestuurd bericht|begin van doorgestuurd bericht"
        "|przekazana wiadomość|wiadomość przekazana|wiadomość przekazana dalej|treść przekazanej wiadomości"
        "|początek przekazywanej wiadomości|początek przekazanej wiadomości|пересылаемое сообщение"
        "|перенаправленное сообщение|пересланное сообщение|пересылаемое письмо"
        "|начало переадресованного сообщения|начало пересылаемого сообщения|конец пересылаемого сообщения"
        "|перенаправлене повідомлення|переслане повідомлення|початок листа, що пересилається"
        "|початок переадресованого повідомлення|vidarebefordrat meddelande|vidarebefordrat mejl"
        "|vidarebefordrat brev|påbörja vidarebefordrat meddelande|börja vidarebefordrat meddelande"
        "|videresendt meddelelse|videresendt besked|start på videresendt besked|videresendt melding"
        "|starten på videresendt melding|start på videresendt melding"
        "|välitetty viesti|välitetty viesti alkaa|edelleenlähetetty viesti|välitetty viesti / fwd.msg"
        "|přeposlaná zpráva|začátek přeposílané zprávy|začátek přeposlané zprávy|přeposlaná správa"
        "|preposlaná správa|preposlaná správa --- forwarded message|začiatok preposlanej správy"
        "|továbbított üzenet|továbbított levél kezdete|továbbított levél"
        "|mesaj redirecționat|mesaj redirectionat|mesaj transmis mai departe|începe mesajul redirecționat"
        "|mesaj retrimis|iletilmiş mesaj|iletilen ileti|iletilen mesaj|yönlendirilen ileti|ileti başlangıcı"
        "|yönlendirilen mesaj|proslijeđena poruka|započni proslijeđenu poruku|posredovano sporočilo"
        "|edastatud kiri|προωθημένο μήνυμα|προωθημένο μήνυμα"
        "|转发的消息|转发消息|以下是转发的邮件|以下是被轉寄的郵件|開始轉寄郵件|以下、転送されたメッセージ"
        "|iletilmeye başlanan ileti|转发邮件|转发的邮件|转发的邮件信息|转发邮件信息"
        "|转发的信息|轉寄郵件|轉寄的郵件|轉寄訊息|已转发邮件"
        "|开始转发的邮件|下面是被转发的邮件|以下は転送されたメッセージです|転送メッセージ|メッセージを転送"
        "|転送されたメッセージ|転送メール|転送済みメッセージ|전달된 메시지|전달된 메일|전달된 이메일"
        "|전달 메시지|다음은 전달된 메시지입니다|הודעה שהועברה"
    )
)
# mutt and Horde name the author behind it, Notes who forwards; between dashes.
FORWARDED_BY = tuple(
    f"{word.casefold()} "
    for word in _words(
        "forwarded message from|forwarded message by|forwarded by|weitergeleitete nachricht von|weitergeleitet von"
        "|message transféré de|message transféré par|transféré par|mensaje reenviado de|mensaje reenviado por"
        "|reenviado por|messaggio inoltrato da|inoltrato da|mensagem encaminhada de|mensagem encaminhada por"
        "|encaminhado por|doorgestuurd bericht van|doorgestuurd door|przekazana wiadomość od|przesłane przez"
        "|пересылаемое сообщение от|переслано|vidarebefordrat meddelande från|vidarebefordrat av|videresendt af"
        "|videresendt av|přeposlaná zpráva od|přeposlal|iletilen mesaj"
    )
)
FORWARD_SUBJECT = re.compile(
    r"\s*(?:fwd?|fw|wg|tr|rv|i|vs|pd|enc|redir\.?|vb|vl|videresend|ilt|i̇lt|doorst|fs|továbbítás|tov|转发|轉寄"
    r"|轉發|転送|전달|пересл|πρθ|przek|vidarebefordrat)"
    r"\s*(?:\[\d+\]|\(\d+\))?\s*[:：]",
    re.I,
)
REPLY_SUBJECT = re.compile(
    r"\s*(?:re|aw|sv|antw?|antwort|r|res|odp|ynt|yan|rép|bls|回复|回覆|答复|答覆|返信|회신|답장|отв|vá|vs|ref|rif|απ)\s*(?:\[\d+\]|\(\d+\))?\s*[:：]",
    re.I,
)

# "Please write above this line"

# Matched on lower-case text, like everything below that has no re.I: ignoring case costs five times as much.
ABOVE = re.compile(
    r"(?:reply|respond|type|write|enter|answer|response|comment)[^\n]{0,40}\babove\b[^\n]{0,30}(?:line|dotted"
    r"|marker|text|message)?|above this line to (?:reply|respond|add)"
    r"|reply above|only text above this line|do not (?:write|type|edit|modify|remove"
    r"|delete)[^\n]{0,20}(?:below|line)|everything below this line"
    r"|(?:antwort|schreib|antworten sie)[^\n]{0,40}(?:über|oberhalb)[^\n]{0,20}(?:linie|zeile)|(?:über"
    r"|oberhalb) dieser (?:linie|zeile)"
    r"|(?:répon|écri|saisi)[^\n]{0,40}(?:au[- ]dessus|dessus)[^\n]{0,20}(?:ligne)|au-dessus de cette ligne"
    r"|(?:respond|escrib|conteste)[^\n]{0,40}(?:encima|arriba)[^\n]{0,20}(?:línea|linea)"
    r"|por encima de esta línea|sobre esta línea"
    r"|(?:rispo|scriv|digit)[^\n]{0,40}(?:sopra|al di sopra)[^\n]{0,20}(?:linea|riga)|(?:respond|escrev"
    r"|digite)[^\n]{0,40}(?:acima)[^\n]{0,20}linha"
    r"|(?:antwoord|schrijf|typ|reageer)[^\n]{0,40}boven[^\n]{0,20}(?:lijn|regel)|boven deze (?:lijn|regel)"
    r"|(?:odpowied|napisz|odpisz)[^\n]{0,40}(?:powyżej|nad)[^\n]{0,20}(?:lini|linią)"
    r"|(?:ответ|пиш|напиш)[^\n]{0,40}(?:выше|над)[^\n]{0,20}(?:лини|строк|черт)|(?:відпов"
    r"|напиш)[^\n]{0,40}(?:вище|над)[^\n]{0,20}(?:ліні|рядк)"
    r"|(?:svar|skriv)[^\n]{0,40}(?:ovanför|ovenfor|over|över)[^\n]{0,20}(?:linje|raden|rad)|(?:vastaa"
    r"|kirjoita)[^\n]{0,40}yläpuolelle|(?:odpově|odpoved|napište)[^\n]{0,40}nad[^\n]{0,20}(?:řád|riad|čár"
    r"|čiar)"
    r"|(?:válasz|írj)[^\n]{0,40}(?:fölé|felett|fölött)|(?:satır|çizgi)[^\n]{0,20}ü[sz][^\n]{0,40}|(?:răspund"
    r"|scrie)[^\n]{0,40}deasupra[^\n]{0,20}(?:lini|rând)"
    r"|在此(?:行|线|線)(?:上方|之上|以上)|在(?:这|這)(?:行|条线|條線)(?:上方|之上|以上)|(?:回复"
    r"|回覆)[^\n]{0,12}(?:此线|此行|此線)[^\n]{0,4}上|この(?:行|線)(?:より|の)上|이 (?:줄|선) 위",
)
