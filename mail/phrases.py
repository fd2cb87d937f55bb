"""The words mail programs and their users write around a message, in the languages of the people who write to us.

Only words live here; what they mean where is decided by the modules that use them. All comparisons are on case-folded text.
"""

from __future__ import annotations

import re
from typing import Literal

Label = Literal["from", "date", "to", "cc", "subject", "other"]


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split("|") if word.strip()]


# --- Header labels above quoted and forwarded mail ---------------------------------------------------------------------

_LABELS: dict[Label, str] = {
    "from": "from|von|de|da|van|od|fra|från|från/from|lähettäjä|feladó|de la|expeditor|expeditorul|kimden|gönderen|от|от кого|отправитель"
    "|від|від кого|відправник|发件人|發件人|寄件人|寄件者|寄信人|差出人|送信元|送信者|보낸 사람|보낸사람|발신|보낸이|expéditeur|mittente|remitente|remetente|nadawca|absender"
    "|afzender|avsändare|avsender|afsender|odesílatel|odosielateľ|šalje|saatja|nuo|no|από|מאת|kirjuttaja|pošiljatelj|šalje|de/from|from/de"
    "|from/von|von/from|o̅d|desde|dari|người gửi|từ|จาก|det",
    "date": "date|sent|sent on|datum|gesendet|gesendet am|envoyé|envoyé le|date d'envoi|enviado|enviado el|enviado em|enviada|enviada em|enviada el"
    "|fecha|fecha de envío|data|inviato|data invio|verzonden|verzonden op|wysłano|wysłane|data wysłania|отправлено|дата|дата отправки|надіслано|відправлено|skickat|skickad"
    "|sendt|sendt dato|dato|lähetetty|päivämäärä|päiväys|odesláno|odoslané|dátum|elküldve|küldve|trimis|trimise|dată|gönderildi"
    "|gönderme tarihi|gönderilme|tarih|发送时间|发送日期|日期|寄件日期|傳送時間|送信日時|日時|日付|送信|보낸 날짜|보낸날짜|날짜|보낸 시간|발신일|일시|le|poslano|saadetud|kuupäev"
    "|ημερομηνία|στάλθηκε|תאריך|נשלח|tanggal|ngày|ngày gửi|時間|时间",
    "to": "to|an|à|a|aan|para|do|komu|til|till|vastaanottaja|címzett|către|pentru|la|destinatar|destinatarul|kime|alıcı|кому|получатель|одержувач|收件人|收件者|收信人"
    "|宛先|送信先|受信者|받는 사람|받는사람|수신|받는이|pour|destinataire|destinatario|destinatário|adresat|empfänger|ontvanger|mottagare|mottaker|modtager|príjemca|prima"
    "|saaja|προς|אל|kepada|đến|tới|ถึง|pre",
    "cc": "cc|kopie|copie|copie à|copia|con copia|cópia|kopia|dw|do wiadomości|копия|копія|kopi|kopio|másolatot kap|másolat|bilgi|抄送|抄送人|副本|副本抄送|ｃｃ|참조|cc à"
    "|cópia para|kópia|bcc|cci|cco|bilgi (cc)|cc:|c.c.",
    "subject": "subject|betreff|objet|sujet|asunto|oggetto|assunto|onderwerp|temat|тема|ämne|emne|aihe|předmět|predmet|tárgy|subiect|subiectul|konu|主题|主題"
    "|主旨|件名|제목|naslov|θέμα|נושא|subjek|perihal|chủ đề|เรื่อง|teema|tema",
    "other": "reply-to|antwort an|répondre à|responder a|rispondi a|organization|organisation|importance|wichtigkeit|priority|priorität|anlagen|attachments"
    "|pièces jointes|datos adjuntos|allegati|anexos|bijlagen|załączniki|вложения|bilagor|resent-from|message-id|in-reply-to|references|mailed-by|signed-by"
    "|security|list-id|x-mailer|mime-version|content-type|reply to|importancia|importanza|prioriteit|添付ファイル|附件|첨부|важность|priorité|bijlage|anhang"
    "|attachment|vedhæftet|vedlegg|liitteet|přílohy|mellékletek|ekler|category|categories|sensitivity|responder a",
}
# A word that is a label of two kinds keeps the first: "De", "Data", "A" and "Da" differ by language, not by meaning.
LABELS: dict[str, Label] = {}
for _kind, _list in _LABELS.items():
    for _word in _words(_list):
        LABELS.setdefault(_word.casefold(), _kind)
MAX_LABEL = max(map(len, LABELS))

# --- "… wrote:" ----------------------------------------------------------------------------------------------------------

_WROTE = (
    "wrote|writes|has written|sent|said|says|schrieb|schrieben|schrieb folgendes|geschrieben|schreibt|hat geschrieben|a écrit|écrivait|a ecrit|a répondu|nous a dit"
    "|escribió|escribio|escribía|escribe|ha scritto|scrisse|scriveva|scrive|escreveu|escrevia|escreve|het volgende geschreven|heeft geschreven|geschreven|schreef|schreef het volgende|schrijft"
    "|napisał|napisała|napisał(a)|napisał/a|napisal|napisala|napisal(a)|pisze|napisał(-a)|написал|написал(а)|написала|написал(-а)|пишет|писал|писал(а)|написали|пише|написав"
    "|написав(-ла)|написав(ла)|пишет следующее|napsal|napsala|napsal(a)|píše|napísal|napísala|napísal(a)|ezt írta|írta|a következőt írta|şunu yazdı|şunları yazdı"
    "|yazdı|yazmış|a scris|scrie|kirjoitti|skrev|skrev följande|skrev følgende|har skrivit|έγραψε|написа|је написао|je napisao|je napisao/la|je napisala|piše|napisao"
    "|napisao je|napisala je|kirjutas|rašė|parašė|rakstīja|va escriure|menulis|đã viết|viết|כתב|כתבה|כתב/ה|كتب"
)
# Verbs that stand between the date and the name, so that the line does not end with them.
_SPACED = sorted((re.escape(word.lower()) for word in _words(_WROTE)), key=len, reverse=True)
_UNSPACED = (
    "写道|寫道|写到|写了|写信|撰寫|来信|來信|のメッセージ|のメール|さんは書きました|が書きました|さんが書きました|は書きました|の書き込み|書き込みました|様のメール"
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
    r"(?<!\w)(?:i|we|they have|ich|wir|er|sie|nous|yo|noi|nós|ik|wij|ja|my|я|мы|jag|vi|ben|biz|我|我们|我們|私)\s+(?:also |already |just |had |have |once |first )?"
    r"(?:wrote|said|schrieb(?:en)?|schreef|skrev|написали?|yazdım)(?!\w)|(?<!\w)(?:schrieb(?:en)?|schreef|skrev)\s+(?:ich|wir|man|ik|wij|jag|jeg|vi)(?!\w)",
)

# How "On … wrote:" begins.
_OPENERS = (
    "on|at|in message|in article|am|um|im|le|el|il|il giorno|lo|em|no dia|a|op|den|d.|dne|dňa|dna|dnia|w dniu|w|в|у|от|le jour|pe|în data de|la|på|fra|kl."
    "|στις|dana|u|dne|vào|vào lúc|pada|kuupäeval|בתאריך|ב|на|за|del|il dì|vom|le :|quoting|zitat von|citando a|citazione|selon|il|el día|el dia|dia"
)
OPENERS = frozenset(_words(_OPENERS))
WEEKDAYS_MONTHS = re.compile(
    r"(?:mon|tue|wed|thu|fri|sat|sun|mo|di|mi|do|fr|sa|so|lun|mar|mer|mié|mie|jeu|jue|ven|vie|sam|sáb|sab|dim|dom|gio|seg|ter|qua|qui|sex|ma|wo|vr|za|zo"
    r"|pon|wt|śr|sr|czw|pt|nd|пн|вт|ср|чт|пт|сб|вс|нд|понед|вторн|сред|четв|пятн|субб|воскр|понеділок|вівторок|середа|четвер|п.ятниця|субота|неділя"
    r"|mån|tis|ons|tor|fre|lör|sön|man|tir|lør|søn|maan|ti|ke|to|pe|la|su|maanantai|tiistai|keskiviikko|torstai|perjantai|lauantai|sunnuntai"
    r"|po|út|ut|st|čt|čtv|štv|pá|pi|so|ne|hétfő|kedd|szerda|csütörtök|péntek|szombat|vasárnap|lun|mie|joi|vin|sâm|dum|pzt|sal|çar|per|cum|cmt|paz"
    r"|jan|feb|mär|mar|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez|янв|фев|мар|апр|мая|июн|июл|авг|сен|окт|ноя|дек"
    r"|星期|周|週|火曜|月曜|水曜|木曜|金曜|土曜|日曜|월요일|화요일|수요일|목요일|금요일|토요일|일요일)",
    re.I,
)

# --- Lines that stand above an original message ------------------------------------------------------------------------------

ORIGINAL = frozenset(
    word.casefold()
    for word in _words(
        "antwort nachricht|original message|original email|original mail|original|originalmessage|reply message|message d'origine|message original|message initial"
        "|ursprüngliche nachricht|urspr. nachricht|ursprüngliche mail|originalnachricht|original-nachricht|ursprüngliche e-mail|mensaje original|mensaje de origen|correo original|messaggio originale"
        "|messaggio original|mensagem original|oorspronkelijk bericht|oorspronkelijke bericht|origineel bericht|originele bericht|wiadomość oryginalna|oryginalna wiadomość|original wiadomość"
        "|исходное сообщение|оригинальное сообщение|первоначальное сообщение|исходное письмо|початкове повідомлення|вихідне повідомлення|ursprungligt meddelande|originalmeddelande|ursprungsmeddelande|oprindelig besked|oprindelig meddelelse|original meddelelse"
        "|opprinnelig melding|alkuperäinen viesti|původní zpráva|původní e-mail|pôvodná správa|eredeti üzenet|eredeti levél|mesaj original|mesajul original|mesaj initial|özgün ileti|orijinal mesaj|orijinal ileti|asıl mesaj"
        "|原始邮件|原邮件|原始郵件|原郵件|原件|原始信件|邮件原件|回复的原邮件|回复的原邮件内容|元のメッセージ|元のメール|オリジナルメッセージ|original message follows|原始訊息|원본 메시지|원본 메일|원본메일|원본 이메일|izvorna poruka|αρχικό μήνυμα"
        "|reply|réponse au message|replied message|forwarded original message|message de|original appointment|originaltermin|rendez-vous d'origine|cita original|回复邮件|回复原邮件"
    )
)
FORWARDED = frozenset(
    word.casefold()
    for word in _words(
        "forwarded message|begin forwarded message|forwarded email|forwarded mail|forwarded by|fwd.msg|forwarded|start of forwarded message|inline forwarded message follows|weitergeleitete nachricht|anfang der weitergeleiteten nachricht|anfang der weitergeleiteten e-mail|weitergeleitete mail|weitergeleitete e-mail"
        "|message transféré|message transmis|début du message transféré|début du message réexpédié|message réexpédié|courriel transféré|e-mail transféré|mensaje reenviado|inicio del mensaje reenviado|correo reenviado"
        "|messaggio inoltrato|inizio messaggio inoltrato|inizio del messaggio inoltrato|mensagem encaminhada|mensagem reencaminhada|início da mensagem encaminhada|início da mensagem reencaminhada|doorgestuurd bericht|begin doorgestuurd bericht|begin van doorgestuurd bericht"
        "|przekazana wiadomość|wiadomość przekazana|wiadomość przekazana dalej|treść przekazanej wiadomości|początek przekazywanej wiadomości|początek przekazanej wiadomości|пересылаемое сообщение|перенаправленное сообщение|пересланное сообщение|пересылаемое письмо|начало переадресованного сообщения|начало пересылаемого сообщения|конец пересылаемого сообщения"
        "|перенаправлене повідомлення|переслане повідомлення|початок листа, що пересилається|початок переадресованого повідомлення|vidarebefordrat meddelande|vidarebefordrat mejl|vidarebefordrat brev|påbörja vidarebefordrat meddelande|börja vidarebefordrat meddelande|videresendt meddelelse|videresendt besked|start på videresendt besked|videresendt melding|starten på videresendt melding|start på videresendt melding"
        "|välitetty viesti|välitetty viesti alkaa|edelleenlähetetty viesti|välitetty viesti / fwd.msg|přeposlaná zpráva|začátek přeposílané zprávy|začátek přeposlané zprávy|přeposlaná správa|preposlaná správa|preposlaná správa --- forwarded message|začiatok preposlanej správy|továbbított üzenet|továbbított levél kezdete|továbbított levél"
        "|mesaj redirecționat|mesaj redirectionat|mesaj transmis mai departe|începe mesajul redirecționat|mesaj retrimis|iletilmiş mesaj|iletilen ileti|iletilen mesaj|yönlendirilen ileti|ileti başlangıcı|yönlendirilen mesaj|proslijeđena poruka|započni proslijeđenu poruku|posredovano sporočilo|edastatud kiri|προωθημένο μήνυμα|προωθημένο μήνυμα"
        "|转发邮件|转发的邮件|转发的邮件信息|转发邮件信息|转发的信息|轉寄郵件|轉寄的郵件|轉寄訊息|已转发邮件|开始转发的邮件|下面是被转发的邮件|以下は転送されたメッセージです|転送メッセージ|メッセージを転送|転送されたメッセージ|転送メール|転送済みメッセージ|전달된 메시지|전달된 메일|전달된 이메일|전달 메시지|다음은 전달된 메시지입니다|הודעה שהועברה"
    )
)
FORWARD_SUBJECT = re.compile(
    r"\s*(?:fwd?|fw|wg|tr|rv|i|vs|pd|enc|redir\.?|vb|vl|videresend|ilt|i̇lt|doorst|fs|továbbítás|tov|转发|轉寄|轉發|転送|전달|пересл|πρθ|przek|vidarebefordrat)"
    r"\s*(?:\[\d+\]|\(\d+\))?\s*[:：]",
    re.I,
)
REPLY_SUBJECT = re.compile(
    r"\s*(?:re|aw|sv|antw?|antwort|r|res|odp|ynt|yan|rép|bls|回复|回覆|答复|答覆|返信|회신|답장|отв|vá|vs|ref|rif|απ)\s*(?:\[\d+\]|\(\d+\))?\s*[:：]", re.I
)

# --- "Please write above this line" --------------------------------------------------------------------------------------------

# Matched on lower-case text, like everything below that has no re.I: ignoring case costs five times as much.
ABOVE = re.compile(
    r"(?:reply|respond|type|write|enter|answer|response|comment)[^\n]{0,40}\babove\b[^\n]{0,30}(?:line|dotted|marker|text|message)?|above this line to (?:reply|respond|add)"
    r"|reply above|only text above this line|do not (?:write|type|edit|modify|remove|delete)[^\n]{0,20}(?:below|line)|everything below this line"
    r"|(?:antwort|schreib|antworten sie)[^\n]{0,40}(?:über|oberhalb)[^\n]{0,20}(?:linie|zeile)|(?:über|oberhalb) dieser (?:linie|zeile)"
    r"|(?:répon|écri|saisi)[^\n]{0,40}(?:au[- ]dessus|dessus)[^\n]{0,20}(?:ligne)|au-dessus de cette ligne"
    r"|(?:respond|escrib|conteste)[^\n]{0,40}(?:encima|arriba)[^\n]{0,20}(?:línea|linea)|por encima de esta línea|sobre esta línea"
    r"|(?:rispond|scriv)[^\n]{0,40}(?:sopra|al di sopra)[^\n]{0,20}(?:linea|riga)|(?:respond|escrev|digite)[^\n]{0,40}(?:acima)[^\n]{0,20}linha"
    r"|(?:antwoord|schrijf|typ|reageer)[^\n]{0,40}boven[^\n]{0,20}(?:lijn|regel)|boven deze (?:lijn|regel)|(?:odpowied|napisz|odpisz)[^\n]{0,40}(?:powyżej|nad)[^\n]{0,20}(?:lini|linią)"
    r"|(?:ответ|пиш|напиш)[^\n]{0,40}(?:выше|над)[^\n]{0,20}(?:лини|строк|черт)|(?:відпов|напиш)[^\n]{0,40}(?:вище|над)[^\n]{0,20}(?:ліні|рядк)"
    r"|(?:svar|skriv)[^\n]{0,40}(?:ovanför|ovenfor|over|över)[^\n]{0,20}(?:linje|raden|rad)|(?:vastaa|kirjoita)[^\n]{0,40}yläpuolelle|(?:odpově|odpoved|napište)[^\n]{0,40}nad[^\n]{0,20}(?:řád|riad|čár|čiar)"
    r"|(?:válasz|írj)[^\n]{0,40}(?:fölé|felett|fölött)|(?:satır|çizgi)[^\n]{0,20}üst[^\n]{0,40}|(?:răspund|scrie)[^\n]{0,40}deasupra[^\n]{0,20}(?:lini|rând)"
    r"|在此(?:行|线|線)(?:上方|之上|以上)|在(?:这|這)(?:行|条线|條線)(?:上方|之上|以上)|(?:回复|回覆)[^\n]{0,12}(?:此线|此行|此線)[^\n]{0,4}上|この(?:行|線)(?:より|の)上|이 (?:줄|선) 위",
)

# --- What a device or program adds -----------------------------------------------------------------------------------------------

_DEVICE = (
    r"iphone|ipad|ipod|android|samsung|galaxy|huawei|xiaomi|redmi|oppo|vivo|pixel|oneplus|nokia|htc|lg|sony|xperia|motorola|blackberry|windows|lumia|outlook|mobile|"
    r"handy|smartphone|phone|téléphone|telefon|telefono|teléfono|tablet|mail|airmail|spark|proton|yahoo|aol|gmx|gmail|zoho|k-9|blue|mailbox|device|gerät|appareil|"
    r"dispositivo|móvil|movil|cellulare|celular|telemóvel|телефон|смартфон|устройств|пристр|mailspring|newton|superhuman|hey|front|missive|bluemail|edison|nine|"
    r"mobil|kännykä|puhelim|cep telef|手机|手機|携帯|스마트폰|휴대폰"
)
BANNER = re.compile(
    rf"[\s<>(\[*_~-]*(?:"
    rf"(?:sent|gesendet|envoyé|envoyée|enviado|enviada|inviato|inviata|verzonden|verstuurd|wysłane|wysłano|отправлено|надіслано|відправлено|skickat|skickades|sendt|lähetetty|odesláno|"
    rf"odoslané|elküldve|trimis|gönderildi|gönderilmiştir|poslano|saadetud|enviat|написано|message sent|posted|composed|diese nachricht wurde|diese e-mail wurde|dieses mail wurde|diese mail wurde|"
    rf"message envoyé|mensaje enviado|mensagem enviada|messaggio inviato)(?:\s|\Z)"
    rf"(?:[^\n.!?]{{0,12}}\s)?(?:from|via|with|by|using|on|von|mit|über|depuis|de|du|avec|à partir|desde|con|da|dal|dall|do|com|van|vanaf|met|z|ze|za|с|из|от|через|з|із|från|fra|med|från|laitteesta|"
    rf"z mého|ze|zo|iz|din|de pe|a|meu|mi|dum|using)\b[^\n]{{0,90}}"
    rf"|(?:get|download|hol(?:en)? sie sich|outlook für|obtenez|obtenir|téléchargez|télécharger|obtener|obtén|descargar|descarga|scarica|ottieni|obter|obtenha|baixe|download|krijg|haal|pobierz|загрузить|скачать|получить|hämta|hent|hanki|stáhnout|získat|"
    rf"letölt[^\s]{{0,6}}|获取|下载|取得|ダウンロード)\s?[^\n]{{0,12}}(?:outlook|bluemail|spark|yahoo mail|mailbird)[^\n]{{0,120}}"
    rf"|(?:von|aus) (?:meinem|meiner|unterwegs)[^\n]{{1,50}}(?:gesendet|geschickt|geschrieben|verschickt|versendet)[^\n]{{0,60}}"
    rf"|von (?:{_DEVICE})[^\n]{{0,40}}gesendet"
    rf"|(?:from|de|da|van|fra|från|desde|z|od) (?:my|mon|mi|mio|mijn|min|meu|mojego|mého)\s(?:{_DEVICE})[^\n]{{0,30}}"
    rf"|\w{{2,20}} from (?:my )?mobile[^\n]{{0,10}}"
    rf"|sent (?:securely )?(?:from|via|with|by|using)[^\n]{{1,80}}|(?:excuse|pardon|forgive)[^\n]{{0,20}}(?:typos|brevity)[^\n]{{0,40}}"
    rf"|[^\n]{{0,30}}(?:iphone|ipad|android|samsung|outlook|telefon|cihaz|puhelim|laitte)[^\n]{{0,16}}(?:['’]?(?:ımdan|imden|umdan|dan|den|tan|ten|um'dan|mdan|sta|lta|stani|mról|ról|ről|emről))[^\n]{{0,12}}(?:gönderildi|gönderilmiştir|lähetetty|küldve)?"
    rf"|(?:从|從)(?:我的|我)[^\n]{{1,30}}(?:发送|傳送|发出|寄出|發送|发来)|(?:发自|發自|来自|來自|寄自)(?:我的|我)?[^\n]{{0,2}}(?:{_DEVICE})[^\n]{{0,20}}|[^\n]{{1,30}}(?:から送信|より送信|から送られ)[^\n]{{0,10}}|(?:나의|내|제)\s?[^\n]{{1,20}}에서 (?:보냄|보낸|전송|보냈)[^\n]{{0,10}}|[^\n]{{1,30}}에서 (?:보냄|전송됨|보낸 메일|보냈습니다)[^\n]{{0,6}}"
    rf"|(?:skickat|skickades|sendt|lähetetty|lähetin) [^\n]{{0,20}}(?:{_DEVICE})[^\n]{{0,30}}|från min [^\n]{{1,40}}"
    rf"|virus-?free\.?[^\n]{{0,40}}|virenfrei\.?[^\n]{{0,40}}|(?:libre|sans|bez|vrij van) (?:de )?virus[^\n]{{0,40}}"
    rf"|[^\n]{{0,40}}outlook[^\n]{{0,40}}<https://aka\.ms/[^\n]{{1,40}}|[^\n]{{0,24}}outlook[^\n]{{0,24}}(?:ios|android)[^\n]{{0,24}}"
    rf"|yahoo mail[^\n]{{0,12}}(?:search|organi[sz]e|rechercher|suchen)[^\n]{{0,60}}"
    rf")[\s>)\]*_~.-]*\Z",
)

# --- Legal notices -----------------------------------------------------------------------------------------------------------------

DISCLAIMER_START = re.compile(
    r"[\s*_<\[(>-]*(?:(?:legal |e-?mail |important |medical )?(?:disclaimer|confidential(?:ity)?(?: (?:notice|note|statement|warning|information|disclaimer))?|privileged and confidential|private (?:and|&) confidential|privacy notice|legal notice|important notice)\b\s*[:.*_–—-]"
    r"|confidentiality (?:notice|note|statement|warning)|(?:this|the (?:information|content|contents|information contained)(?: contained)? (?:in|of) this|the contents of this)\s(?:e-?mail|electronic|message|communication|transmission|mail|information|correspondence)\b"
    r"[^\n]{0,120}\b(?:confidential|intended|privileged|legally|contain|scanned|checked|property|attachment)"
    r"|(?:please )?(?:consider|think)[^\n]{0,30}(?:environment|before (?:you )?print)|(?:please )?(?:save|don.t|do not|think before)[^\n]{0,20}(?:trees?|print)[^\n]{0,40}"
    r"|this (?:e-?mail|message|mail)[^\n]{0,30}(?:has been|was|is) (?:scanned|checked|virus)|(?:this )?e-?mail (?:was |has been )?(?:scanned|checked)"
    r"|(?:if you (?:are not|have received)|any (?:unauthori[sz]ed|unauthori[sz]ed review)|unauthori[sz]ed (?:use|disclosure))[^\n]{0,200}"
    r"|[^\n]{0,80}\b(?:is (?:a company |a limited company )?(?:registered|incorporated) in|registered (?:office|address|in (?:england|scotland|ireland|wales))|company (?:registration )?(?:no\b|number))"
    r"|diese (?:e-?mail|nachricht|mail|elektronische)[^\n]{0,80}(?:vertraulich|rechtlich|ausschließlich|kann vertrauliche|enthält)|(?:hinweis|wichtiger hinweis|vertraulichkeitshinweis|haftungsausschluss|rechtlicher hinweis)\s*:"
    r"|der inhalt dieser (?:e-?mail|nachricht)[^\n]{0,60}|(?:bitte )?(?:denken sie an die umwelt|prüfen sie[^\n]{0,40}(?:ausdruck|druck)|schonen sie)"
    r"|(?:ce|cet|le présent) (?:message|e-?mail|courriel|mail|courrier)[^\n]{0,100}(?:confidentiel|destin|propriété|usage)|(?:avis|note) de confidentialité|(?:pensez|merci de penser)[^\n]{0,30}(?:environnement|imprimer)|avant d.imprimer"
    r"|(?:este|el presente|la información contenida en este) (?:mensaje|correo|e-?mail)[^\n]{0,100}(?:confidencial|dirig|destinatari|privileg|contiene|contener)|aviso (?:legal|de confidencialidad)|(?:antes de imprimir|piense en el medio ambiente)[^\n]{0,60}"
    r"|(?:questo|il presente|la presente|le informazioni contenute in questo) (?:messaggio|e-?mail|comunicazione|documento|mail)[^\n]{0,100}(?:riservat|confidenzial|destinat|contien)|(?:avviso|nota) di riservatezza|(?:ai sensi del|prima di stampare)[^\n]{0,60}"
    r"|(?:esta|este|a presente|o conteúdo desta|as informações contidas nest[ae]) (?:mensagem|e-?mail|correio)[^\n]{0,100}(?:confidenc|destin|privileg|conté|pode conter)|aviso (?:de confidencialidade|legal)|antes de imprimir"
    r"|(?:dit|deze|de informatie in (?:dit|deze)|de inhoud van (?:dit|deze)) (?:bericht|e-?mail|mail|e-mailbericht)[^\n]{0,100}(?:vertrouwelijk|bestemd|uitsluitend|geadresseerde)|denk aan het milieu[^\n]{0,60}"
    r"|(?:ta|niniejsza|treść (?:tej|niniejszej)|niniejszy|ten) (?:wiadomoś|e-?mail|korespondencj|mail|przesyłk)[^\n]{0,120}(?:poufn|przeznaczon|adresat|wyłącznie)|zanim wydrukujesz|pomyśl o środowisku"
    r"|(?:это|данное|настоящее|содержание данного|информация, содержащаяся в) (?:электронное |этом |настоящем )?(?:письм|сообщени|электронн)[^\n]{0,120}(?:конфиденц|предназнач|исключительно|содерж)|(?:уведомление о )?конфиденциальн[^\n]{0,40}[:.]"
    r"|(?:detta|det här|innehållet i detta) (?:e-?post|meddelande|mail|mejl)[^\n]{0,100}(?:konfident|sekretess|avsed|endast)|denne (?:e-?mail|mail|meddelelse|e-post)[^\n]{0,100}(?:fortrolig|konfidens|tiltenkt|beregnet)|tämä (?:sähköposti|viesti)[^\n]{0,100}(?:luottamuks|tarkoitet)"
    r"|(?:bu|işbu) (?:e-?posta|mesaj|ileti|elektronik)[^\n]{0,120}(?:gizli|kişiye özel|yalnız|sadece|muhatab)|yasal uyarı|tato (?:zpráva|e-?mail)[^\n]{0,100}(?:důvěrn|určen)|ez az (?:e-?mail|üzenet|levél)[^\n]{0,100}(?:bizalmas|titkos|címzett)|(?:це|цей|ця)(?: електронн[^\s]{1,4})? (?:повідомлення|лист|пошт)[^\n]{0,120}(?:конфіденц|призначен)|acest (?:mesaj|e-?mail)[^\n]{0,100}(?:confiden|destinat)"
    r"|(?:本|此|这|這)(?:邮件|郵件|电子邮件|電子郵件|信息|訊息|信件|封邮件)[^\n]{0,60}(?:保密|机密|機密|收件人|专有|僅供)|(?:免责声明|免責聲明|保密声明|保密聲明|重要提示)|(?:この|本)(?:メール|電子メール|Eメール|メッセージ)[^\n]{0,60}(?:機密|秘密|宛先|受信者|名宛人)|(?:본|이) (?:메일|이메일|전자우편|메시지)[^\n]{0,60}(?:비밀|기밀|수신인|지정된|법적)"
    r")",
)
DISCLAIMER_WORDS = re.compile(
    r"confidential|privileged|intended (?:solely |only |exclusively )?(?:for|recipient)|addressee|unauthori[sz]ed|disclos|distribut|notify|delete|destroy|prohibited|copies|the sender|registered (?:office|in)|company (?:no|number)|in error|virus|liab|attachment|views? (?:or|and) opinions|"
    r"vertraulich|empfänger|irrtümlich|vernichten|löschen|informieren|unbefugt|confidentiel|destinataire|par erreur|détruire|supprimer|confidencial|destinatari|por error|elimin|borr|riservat|per errore|"
    r"destinatário|por engano|apag|vertrouwelijk|geadresseerde|verwijder|abusievelijk|poufn|adresat|omyłkow|usun|конфиденциальн|адресат|получател|по ошибке|удалит|sekretess|konfidentiell|mottagare|radera|"
    r"fortrolig|slett|luottamuksell|vastaanottaja|gizli|alıcı|yanlışlıkla|silin|důvěrn|adresát|omylem|bizalmas|címzett|confidențial|конфіденц|адресат|помилково|видалит|greșeal|ștergeți|dacă l-ați|printing|print this|保密|机密|機密|收件人|删除|刪除|秘密|受信者|削除|기밀|비밀|수신인|삭제",
)
# One of these is in every legal notice worth looking at.
DISCLAIMER_ROOTS = ("confiden", "vertraul", "intended", "privileg", "destin", "riservat", "vertrouwelijk", "poufn", "конфиденц", "konfiden", "sekretess", "fortrol",
                    "luottamuks", "gizli", "důvěrn", "bizalmas", "保密", "机密", "機密", "秘密", "기밀", "비밀", "recipient", "addressee", "liab", "virus", "empfänger",
                    "adressat", "adresat", "получател", "alıcı", "конфіденц")  # fmt: skip
# Banners that gateways put on top of other people's mail.
GATEWAY_BANNER = re.compile(
    r"[\s*_\[(<!⚠️-]*(?:caution|warning|attention|external(?: e-?mail| sender| message)?|achtung|vorsicht|extern(?:e e-?mail|al)?|be careful|sécurité|atención|attenzione|let op|uwaga)\s*[\])>*!:_.–—-]*[^\n]{0,40}"
    r"(?:external|outside|originat|extern|außerhalb|extérieur|externo|esterno|zewn|click (?:on )?links|organi[sz]ation|unknown sender|not recogni[sz]e)[^\n]{0,400}"
    r"|[\s*\[(]*(?:\[?external(?: e-?mail| sender)?\]?)[\s*\])]*\Z"
    r"|(?:this (?:e-?mail|message) (?:originated|comes?|came|was sent) from (?:outside|an external)|you don.t often get e-?mail from|(?:some people|someone) who received this message don.t often get|sie erhalten nicht (?:oft|häufig) e-?mails von|vous n.obtenez pas souvent|vous ne recevez pas souvent|no suele recibir correo|non si ricevono spesso|u ontvangt niet vaak)[^\n]{0,400}",
    re.I,
)
GATEWAY_MARKS = ("external", "extern", "outside", "originated", "don't often", "don’t often", "nicht oft", "nicht häufig", "souvent", "no suele", "spesso", "niet vaak", "externo", "esterno")

# --- Closings --------------------------------------------------------------------------------------------------------------------

CLOSING = re.compile(
    r"(?:(?:with |my |many |our )?(?:best|kind|kindest|warm|warmest|sincere|respectful)?\s?(?:regards|wishes)|best|all the best|cheers|sincerely|yours (?:sincerely|faithfully|truly)|respectfully|rgds|br|kr|(?:many |with )?thanks(?: and (?:best |kind )?regards| a lot| again| so much| in advance)?|thank you(?: (?:very much|so much|in advance|and (?:best |kind )?regards))?|thx"
    r"|(?:mit )?(?:freundlichen?|besten?|herzlichen?|vielen?|lieben?|schönen?|sonnigen)\s(?:grüßen?|grüssen?|gruß|gruss|dank)(?: aus [^\n]{1,30})?|grüße|gruß|gruss|mfg|lg|vg|hochachtungsvoll|(?:vielen |besten |herzlichen )?dank(?: im voraus| und [^\n]{1,30})?"
    r"|(?:bien |très )?cordialement(?: vôtre)?|(?:sincères |meilleures |cordiales )?salutations(?: distinguées)?|bien à (?:vous|toi)|(?:je vous prie|veuillez)[^\n]{0,80}salutations[^\n]{0,30}|bonne (?:journée|soirée|fin de journée)|merci(?: d.avance| beaucoup| par avance)?|cdlt|bàv"
    r"|(?:un )?(?:cordial(?:es)? )?saludos?(?: cordial(?:es)?)?|atentamente|atte\.?|(?:muchas )?gracias(?: de antemano)?|cordialmente|reciba un cordial saludo"
    r"|(?:cordiali|distinti) saluti|saluti|cordialità|(?:mille )?grazie(?: mille| in anticipo)?|buona (?:giornata|serata)|buon lavoro"
    r"|atenciosamente|att\.?|(?:com os )?(?:melhores )?cumprimentos|obrigad[oa]|abraços?|cordialmente"
    r"|met vriendelijke (?:groeten?|groet)|vriendelijke (?:groeten?|groet)|(?:hartelijke )?groet(?:en|jes)?|mvg|hoogachtend|(?:alvast )?bedankt|dank (?:u|je)(?: wel)?"
    r"|(?:z |serdecznie )?(?:poważaniem|pozdrawiam|pozdrowieniami)(?: serdecznie)?|serdecznie pozdrawiam|(?:z góry )?dziękuję|pozdr\.?"
    r"|с уважением|с наилучшими пожеланиями|всего (?:доброго|хорошего)|спасибо|заранее (?:спасибо|благодар[^\s]{1,6})|з повагою|дякую|(?:наперед )?вдячн[^\s]{1,4}"
    r"|(?:med )?(?:vänliga?|vänlig|venlig|vennlig|bästa|bedste|beste) (?:hälsning(?:ar)?|hilsen|hilsner)|hälsningar|mvh|hilsen|(?:på forhånd )?tak(?:k)?|tack(?: på förhand)?|ystävällisin terveisin|terveisin|terv\.?|t\.|kiitos|(?:parhain|parhaimmin) terveisin"
    r"|saygılarımla|saygılar(?:ımızla)?|iyi (?:çalışmalar|günler)(?: dilerim)?|teşekkür(?:ler|ederim| ederim)?|sevgiler|s pozdravem|děkuji|s pozdravom|ďakujem|üdvözlettel|tisztelettel|köszönöm|cu (?:stimă|respect)|mulțumesc|toate cele bune"
    r"|此致|敬上|谢谢|謝謝|祝好|顺祝商祺|敬祝|よろしくお願い(?:いた|致)?します|よろしくお願い申し上げます|敬具|以上|감사합니다|안녕히 계세요|수고하세요|드림)",
)
CONTACT = re.compile(
    r"(?:(?<![\w])(?:tel(?:efon|éfono|efono|éphone|efone|efoon|\.)?|phone|mobile?|mob|cell|fax|handy|mobil|direct|office|portable|móvil|cellulare|cel|telemóvel|gsm|тел|моб|puh|t|m|f|e|w|p|ph|web|website|e-?mail|mail|电话|手机|電話|携帯|전화|휴대폰|whatsapp|skype|ust-?id(?:nr)?|hrb|amtsgericht|geschäftsführer(?:in)?|vat|siret|p\.?\s?iva|nip|кпп|инн)\s?[.:：|]\s?\S)"
    r"|\+?\(?\d[\d\s().\-/]{7,22}\d|(?:https?://|www\.)\S+|[\w.+-]{1,64}@[\w-]{1,60}\.[\w.-]{2,60}"
    r"|(?<!\w)\d{4,5}(?:[- ]\d{3,4})?\s[A-ZÄÖÜ][\w-]{2,}|(?:street|st\.|str\.|straße|strasse|avenue|ave\.|rue|calle|via|rua|straat|ul\.|ул\.|road|suite|floor|gmbh|ltd|llc|inc\.|s\.?a\.?r\.?l|s\.?p\.?a|b\.v\.|sp\. z o\.o|ооо)(?!\w)",
    re.I,
)

# --- Automatic answers ----------------------------------------------------------------------------------------------------------

# Subjects that only a responder writes.
AUTO_REPLY_SUBJECT = re.compile(
    r"(?:^|[\[\s(:])(?:auto(?:matic|mated|mated email)?[- _:]?(?:reply|response|answer|responder|respond|generated reply)|autoreply|autoresponse|autoresponder|auto ?:|out of office (?:auto)?reply|vacation (?:reply|response|auto-?reply)|"
    r"automatische (?:antwort|rückantwort|reactie)|automatisch (?:antwort|antwoord|beantwoord)|abwesenheits(?:notiz|nachricht|meldung|benachrichtigung|assistent)|automatische eingangsbestätigung|"
    r"réponse automatique|message d.absence|notification d.absence|respuesta automática|risposta automatica|resposta automática|autoantwoord|automatyczna odpowiedź|autoodpowiedź|odpowiedź automatyczna|"
    r"автоматический ответ|автоответ|автоматична відповідь|автовідповідь|autosvar|automatiskt svar|automatisk svar|automaattinen vastaus|otomatik yanıt|otomatik cevap|automatická odpověď|automatická odpoveď|automatikus válasz|răspuns automat|αυτόματη απάντηση|"
    r"自动回复|自動回覆|自动答复|自動回复|自動返信|自動応答|不在通知|자동 ?(?:회신|응답|답장|답변))",
    re.I,
)
# Subjects that a person may write, too.
ABSENCE_SUBJECT = re.compile(
    r"(?:^|[\[\s(:])(?:out[ -]of[ -](?:the[ -])?office|ooo\b|o\.o\.o|vacation|away from (?:my |the )?(?:office|mail|desk)|on (?:vacation|holiday|leave|annual leave|maternity leave|parental leave)|(?:i am|i.m|currently) (?:away|out)|absence|absent|"
    r"(?:we (?:have )?received|thank you for (?:contacting|your (?:e-?mail|message|inquiry|enquiry|request)))|(?:your )?(?:request|ticket|message|inquiry|enquiry|case)[^\n]{0,30}(?:has been |was )?received|acknowledg|receipt of your|"
    r"abwesen|nicht im (?:büro|haus)|außer haus|im urlaub|urlaub|eingangsbestätigung|empfangsbestätigung|absence du bureau|absent du bureau|en congés?|accusé de réception|"
    r"fuera de (?:la )?oficina|ausente|vacaciones|acuse de recibo|fuori (?:sede|ufficio)|assente|assenza|in ferie|conferma di ricezione|fora do escritório|ausência|férias|afwezig|ontvangstbevestiging|"
    r"poza biurem|nieobecność|nieobecn|urlop|нет на месте|отсутств|отпуск|відсутн|відпустк|frånvaro|frånvarande|fravær|fraværende|ikke på kontoret|ferie|poissa|poissaolo|ofis dışında|izindeyim|"
    r"nepřítomnost|mimo kancelář|mimo kancelárie|neprítomn|házon kívül|szabadság|în afara biroului|concediu|外出|休假|不在|お問い合わせ(?:ありがとう|を受け付け)|受付完了|부재)",
    re.I,
)
AUTO_REPLY_BODY = re.compile(
    r"out of (?:the )?office|(?:i am|i.m|i will be|we are)[^\n.]{0,40}(?:out|away|on (?:vacation|holiday|leave|annual|parental|maternity|sick)|not (?:in|at|available|reading)|travel)|limited access to (?:my )?e-?mail|(?:automatic(?:ally)?|auto(?:mated)?)[- ]?(?:generated )?(?:reply|response|message|e-?mail|acknowledg)|no longer (?:work|with|employed)|will (?:respond|reply|get back|answer)[^\n.]{0,40}(?:when|upon|as soon|after|on my)|do not reply to this|thank you for (?:your (?:e-?mail|message|mail|inquiry)|contacting)|we (?:have )?received your|vacation|on holiday|"
    r"(?:bin|ich)[^\n.]{0,40}(?:nicht im (?:büro|haus)|im urlaub|abwesend|außer haus|nicht erreichbar|wieder erreichbar)|ihre (?:nachricht|e-?mail|anfrage)[^\n.]{0,40}(?:wird|haben wir)[^\n.]{0,40}(?:nicht weitergeleitet|erhalten|beantwortet)|automatisch (?:generierte|erstellte|erzeugte)|eltern(?:zeit|karenz)|"
    r"(?:je suis|actuellement)[^\n.]{0,30}(?:absent|en congé|en déplacement|indisponible)|de retour le|message automatique|nous avons bien reçu|(?:estoy|estaré|me encuentro)[^\n.]{0,30}(?:fuera|ausente|de vacaciones)|mensaje automático|hemos recibido su|(?:sono|sarò)[^\n.]{0,30}(?:fuori|assente|in ferie)|risposta automatica|abbiamo ricevuto|(?:estou|estarei)[^\n.]{0,30}(?:fora|ausente|de férias)|mensagem automática|recebemos (?:a )?sua|"
    r"(?:ik ben|momenteel)[^\n.]{0,30}(?:afwezig|niet aanwezig|met vakantie|op vakantie|niet op kantoor)|automatisch (?:bericht|antwoord|gegenereerd)|(?:jestem|będę|przebywam)[^\n.]{0,40}(?:poza biurem|na urlopie|nieobecn)|wiadomość (?:została )?(?:wygenerowana )?automatyczn|(?:меня|я|нахожусь)[^\n.]{0,30}(?:нет в офисе|в отпуске|отсутств)|автоматическ|(?:я|мене)[^\n.]{0,30}(?:відпустц|відсутн)|"
    r"(?:jag är|är jag)[^\n.]{0,30}(?:ledig|på semester|borta|bortrest|inte på kontoret)|autosvar|(?:jeg er|er jeg)[^\n.]{0,30}(?:ferie|fraværende|ikke på kontoret|bortreist)|(?:olen|lomalla)[^\n.]{0,30}(?:poissa|lomalla|tavoitettavissa)|(?:ofis dışında|izinde|yıllık izin|tatilde)|jsem[^\n.]{0,30}(?:mimo|dovolen|nepřítom)|som[^\n.]{0,30}(?:mimo kancel|dovolen)|(?:házon kívül|szabadságon|nem vagyok)[^\n.]{0,20}|(?:concediu|în afara biroului)|"
    r"不在办公室|休假|外出|自动回复|自動回覆|已收到您|收到您的|不在にして|休暇|自動(?:返信|送信|配信)|お問い合わせいただき|受け付けました|부재중|휴가|자동으로 (?:발송|전송)|접수되었",
    re.I,
)
