"""What automatic answers say of themselves, in the languages of the people who write to us."""

from __future__ import annotations

import re

# Subjects that only a responder writes. Like all patterns for subjects it is matched on lower-case text: ignoring case
# costs five times as much.
AUTO_REPLY_SUBJECT = re.compile(
    r"(?:^|[\[【\s(:])(?:auto(?:matic|mated|mated email)?[- _:]?(?:reply|response|answer|responder|respond"
    r"|generated reply)|autoreply|autoresponse|yahoo! auto response|autoresponder|auto ?:|out of office (?:auto)?reply"
    r"|vacation (?:reply|response|auto-?reply)|"
    r"automatische (?:antwort|rückantwort|rückmeldung|bestätigung|reactie)|automatisch (?:antwort|antwoord|beantwoord)"
    r"|abwesenheits(?:notiz|nachricht|meldung|benachrichtigung|assistent)"
    r"|automatische (?:eingangs|empfangs)bestätigung|"
    r"réponse automatique|message d.absence|notification d.absence|respuesta automática|risposta automatica"
    r"|resposta automática|autoantwoord|automatyczna odpowiedź|autoodpowiedź|odpowiedź automatyczna|"
    r"автоматический ответ|автоответ|автоматична відповідь|автовідповідь|autosvar|automatiskt svar"
    r"|automatisk svar|automaattinen vastaus|otomatik yanıt|otomatik cevap|automatická odpověď"
    r"|automatická odpoveď|automatikus válasz|răspuns automat|αυτόματη απάντηση|автоматичен отговор"
    r"|аутоматски одговор|sjálfvirkt svar|ตอบกลับอัตโนมัติ"
    r"|automatski odgovor|samodejni odgovor|automaatvastus|automatinis atsakymas|automātisk[āa] atbilde|trả lời tự động"
    r"|resposta automàtica|balasan otomatis|מענה אוטומטי|תגובה אוטומטית|תשובה אוטומטית|رد تلقائي|الرد التلقائي"
    r"|پاسخ خودکار"
    r"|autom\. antwort|absence du bureau|"
    r"自动回复|自動回覆|自动答复|自動回复|自動返信|自動応答|不在通知|자동 ?(?:회신|응답|답장|답변))",
)
# A responder puts it in front of the subject it answers: "Automatic reply: Your order", "[Auto-Reply] Your order".
PREFIX = re.compile(r"\s*[\[【(]?[^\n:：\]】)]{2,60}(?:[:：\]】)]| [-–—] )")
# What may stand between it and the colon: "Automatic reply Re:", "Auto-Reply from Anna:", not "Auto response time:".
AFTER_ANSWER = re.compile(r"\s*(?:(?:re|aw|from|von|de)\b.*|\W*)\Z")
# Absences that nobody puts in front of a subject of their own.
ABSENCE_PREFIX = re.compile(
    r"(?:out of (?:the )?office|ooo|außer haus|message d.absence|fuera de (?:la )?oficina|fuori (?:sede|ufficio)"
    r"|fora do escritório|ausência temporária|afwezigheids\w+|poza biurem|ikke til stede|poissa|mimo kancelář"
    r"|ofis dışında|εκτός γραφείου|不在|부재중)(?:[^\n:：]{0,20}(?:\s?[:：]\s|\sre: )|\W*\Z)",
)
# Below such a subject few words are enough.
AWAY = re.compile(
    r"office|\bleave\b|vacation|holiday|\baway\b|retired|no longer|unavailable|\bclosed|travel|conference|respond"
    r"|get back to|büro|urlaub|abwesend|erreichbar"
    r"|elternzeit|geschlossen|unterwegs|melden uns|déplacement|fermés?\b|de baja|de viaje|cerrad|chius[oi]|licença"
    r"|fechad"
    r"|gesloten|werk niet|vrij\b|reageren|командиров|закрыт|bureau|congé|absen|oficina|vacaciones|ausen|ufficio|ferie"
    r"|férias|escritório|kantoor|vakantie|afwezig"
    r"|biur|urlop|nieobec|отпуск|офис|рабоч|отсутств|відпуст|офіс|відсутн|semester|kontor|ledig|ferie|lomal|poissa"
    r"|puhkus|dovolen|kancelá|godišnj|dopust|szabads|irod|concediu|birou|γραφεί|άδεια|izin|ofis|tatil|חופש|משרד"
    r"|مكتب|إجازة|atostog|atvaļin|nghỉ|cuti|vacances|одмор|fríi?\b|ไม่อยู่|ลาพัก|วันหยุด|休|不在|出差|办公室|辦公室|外出|휴가|부재|출장|出張|收到|答复|尽快|received|erhalten|eingegangen",
    re.I,
)
# An automatic answer that calls itself one, whatever its subject.
ANSWER_BODY = re.compile(
    r"automati\w+[^\n.]{0,20}(?:reply|response|confirmation|acknowledg|antwort|bestätigung|réponse|respuesta|risposta)"
    r"|automated (?:reply|response|confirmation|acknowledg)"
    # What asks whether a person wrote to it.
    r"|complete the verification process|(?:verify|confirm|prove) (?:that )?you(?: are|.re)[^\n.]{0,12}"
    r" (?:human|person|not a (?:robot|spam))",
    re.I,
)
# What only a machine says of its own mail: in a sentence about itself, or as a sentence of nothing else.
AUTOMATIC = re.compile(
    r"this (?:is|was) an? auto\w*[- ](?:generated |sent )?(?:reply|response|message|e-?mail|mail|confirmation"
    r"|acknowledge?ment|notification)"
    r"|this (?:message|e-?mail|reply|response) (?:was|has been|is) (?:sent |generated |created )?automatically"
    r"|(?:nachricht|e-?mail) wird nicht (?:automatisch )?weitergeleitet|your (?:e-?mail|message) (?:has|was|is|will)"
    r"[^\n.]{0,12} not (?:be(?:en)? |being )?(?:automatically )?forwarded"
    r"|(?:message|e-?mail|reply) was (?:sent |generated |created )?automatically"
    r"|(?:dies|dieses?|diese (?:e-?mail|nachricht|antwort|bestätigung)) (?:ist|wurde) (?:eine )?automatisch"
    r"|diese automatisch (?:erstellte|erzeugte|generierte|versandte|versendete) (?:e-?mail|nachricht|antwort)"
    r"|(?:ceci est|il s.agit d.) ?une? (?:réponse|message) automatique|est(?:e|a) (?:es|é) u[nm]a? \w+ automátic"
    r"|quest[oa] (?:è|e-?mail è) una? \w+ automatic|dit is een automatisch|to jest automatyczn"
    r"|это автоматическ|(?:detta är|dette er) (?:ett|et) auto|tämä on automaatti|toto je automatick|ez egy automatikus"
    r"|bu (?:bir otomatik|mesaj otomatik|e-?posta otomatik)|(?:此|本)(?:邮件|郵件|信)[^\n。]{0,6}自[动動]"
    r"|(?:この|本)メール[^\n。]{0,6}自動|自動(?:返信|応答|送信|配信)(?:メール|され)"
    r"|자동 ?(?:응답|회신|발송) ?(?:메일|메시지)입니다"
    r"|자동으로 (?:발송|전송)"
    r"|(?:\A|[.!\n])[ \t]*(?:automat\w+ \w{4,12}|\w{4,12} automat\w+"
    r"|\w{4,12} automátic[oa]|autosvar|auto-?reply)[.!]?[ \t]*(?:\n|\Z)",
    re.I,
)
# Notes: "Anna Berg is out of the office".
LOTUS_SUBJECT = re.compile(
    r"\S[^\n:]{2,60} (?:is out of (?:the )?office|will be out of (?:the )?office|ist (?:außer haus|nicht im büro)"
    r"|est absente?(?:\(e\))?(?: du bureau)?|è fuori (?:ufficio|sede)|está fuera de la oficina)\b[^\n]{0,30}\Z",
)
LOTUS_BODY = re.compile(
    r"\b(?:i(?: will be|.ll be| am|.m) out of|ich (?:werde|bin)\b|je (?:serai|suis) absent"
    r"|(?:sarò|sono) (?:assente|fuori)|(?:estaré|estoy) (?:ausente|fuera))",
    re.I,
)
# Subjects that a person may write, too.
ABSENCE_SUBJECT = re.compile(
    r"(?:^|[\[\s(:])(?:out[ -]of[ -](?:the[ -])?office|ooo\b|o\.o\.o|vacation|away from (?:my |the )?(?:office"
    r"|mail|desk)|on (?:vacation|holiday|leave|annual leave|maternity leave|parental leave)|(?:i am|i.m"
    r"|currently) (?:away|out)|absence|absent|"
    r"(?:we (?:have )?received|thank you for (?:contacting|your (?:e-?mail|message|inquiry|enquiry|request)))"
    r"|(?:your )?(?:request|ticket|message|inquiry|enquiry|case)[^\n]{0,30}(?:has been |was )?received"
    r"|acknowledg|receipt of your|verification required|"
    r"ihre? (?:nachricht|anfrage|e-?mail|mail)[^\n]{0,24} (?:eingegangen|erhalten)|hemos recibido su"
    r"|(?:wir haben|nous avons)[^\n]{0,24} (?:erhalten|reçu)|votre (?:message|demande|courriel)[^\n]{0,16} reçue?"
    r"|ihre? (?:anfrage|meldung|ticket|anliegen)[^\n]{0,24} wurde[^\n]{0,24} (?:registriert|aufgenommen|erfasst)"
    r"|abbiamo ricevuto|recebemos (?:a )?sua?|(?:wij|we) hebben[^\n]{0,24} ontvangen|otrzymaliśmy|мы получили ваш"
    r"|ваш[её]? (?:обращение|сообщение|письмо|запрос|заявка)[^\n]{0,16} (?:получен|принят|зарегистрир)|"
    r"abwesen|nicht im (?:büro|haus)|außer haus|im urlaub|(?:betriebs)?urlaub|betriebsferien|eingangsbestätigung"
    r"|empfangsbestätigung"
    r"|absence du bureau|absent du bureau|en congés?|accusé de réception|"
    r"fuera de (?:la )?oficina|ausente|ausencia|vacaciones|acuse de recibo|fuori (?:sede|ufficio)|assente|assenza"
    r"|in ferie|conferma di ricezione|fora do escritório|ausência|férias|afwezig|ontvangstbevestiging|"
    r"poza biurem|nieobecność|nieobecn|urlop|нет на месте|отсутств|отпуск|відсутн|відпустк|frånvaro"
    r"|frånvarande|fravær|fraværende|ikke på kontoret|ikke til stede|ferie|poissa|poissaolo|ofis dışında|izindeyim|"
    r"nepřítomnost|mimo kancelář|mimo kancelárie|neprítomn|házon kívül|szabadság|în afara biroului|concediu"
    r"|外出|休假|不在|お問い合わせ(?:ありがとう|を受け付け)|受付完了|부재)",
)
AUTO_REPLY_BODY = re.compile(
    r"out of (?:the )?office|(?:i am|i.m|i will be|we are)[^\n.]{0,40}(?:out|ooo|away|on (?:vacation|holiday|leave"
    r"|annual|parental|maternity|sick)|not (?:in|at|available|reading)|travel)"
    r"|limited access to (?:my )?e-?mail|(?:automatic(?:ally)?|auto(?:mated)?)[- ]?(?:generated )?(?:reply"
    r"|response|message|e-?mail|acknowledg)|no longer (?:work|with|employed)|will (?:respond|reply|get back"
    r"|answer)[^\n.]{0,40}(?:when|upon|as soon|after|on my)"
    r"|thank you for (?:your (?:e-?mail|message|mail|inquiry)|contacting)|we (?:have )?received your|vacation"
    r"|on holiday|"
    r"(?:bin|ich)[^\n]{0,40}(?:nicht im (?:büro|haus)|im urlaub|abwesend|außer haus|nicht erreichbar"
    r"|wieder erreichbar)|ihre (?:nachricht|e-?mail|anfrage)[^\n.]{0,40}(?:wird"
    r"|haben wir)[^\n.]{0,40}(?:nicht weitergeleitet|erhalten|beantwortet)|automatisch (?:generierte|erstellte"
    r"|erzeugte)|eltern(?:zeit|karenz)|"
    r"(?:je suis|actuellement)[^\n.]{0,30}(?:absent|en congé|en déplacement|indisponible)|de retour le"
    r"|message automatique|nous avons bien reçu|(?:estoy|estaré|me encuentro)[^\n.]{0,30}(?:fuera|ausente"
    r"|de vacaciones)|mensaje automático|hemos recibido su|(?:sono|sarò)[^\n.]{0,30}(?:fuori|assente|in ferie)"
    r"|risposta automatica|abbiamo ricevuto|(?:estou|estarei)[^\n.]{0,30}(?:fora|ausente|de férias)"
    r"|mensagem automática|recebemos (?:a )?sua|"
    r"(?:ik ben|momenteel)[^\n.]{0,30}(?:afwezig|niet aanwezig|met vakantie|op vakantie|niet op kantoor)"
    r"|automatisch (?:bericht|antwoord|gegenereerd)|(?:jestem|będę|przebywam)[^\n.]{0,40}(?:poza biurem"
    r"|na urlopie|nieobecn)|wiadomość (?:została )?(?:wygenerowana )?automatyczn|(?:меня|я"
    r"|нахожусь)[^\n.]{0,30}(?:нет в офисе|в отпуске|отсутств)|автоматическ|(?:я|мене)[^\n.]{0,30}(?:відпустц"
    r"|відсутн)|"
    r"(?:jag är|är jag)[^\n.]{0,30}(?:ledig|på semester|borta|bortrest|inte på kontoret)|autosvar|(?:jeg er"
    r"|er jeg)[^\n.]{0,30}(?:ferie|fraværende|ikke på kontoret|bortreist)|(?:olen"
    r"|lomalla)[^\n.]{0,30}(?:poissa|lomalla|tavoitettavissa)|(?:ofis dışında|izinde|yıllık izin|tatilde)"
    r"|jsem[^\n.]{0,30}(?:mimo|dovolen|nepřítom)|som[^\n.]{0,30}(?:mimo kancel|dovolen)|(?:házon kívül"
    r"|szabadságon|nem vagyok)[^\n.]{0,20}|(?:concediu|în afara biroului)|"
    r"不在办公室|休假|外出|自动回复|自動回覆|已收到您|收到您的|不在にして|休暇|自動(?:返信|送信|配信)"
    r"|お問い合わせいただき|受け付けました|부재중|휴가|자동으로 (?:발송|전송)|접수되었",
    re.I,
)
# That a mail of ours came in, in the words of those who confirm it before anybody has read it.
RECEIPT = re.compile(
    r"we(?: have|.ve)? received your (?:e-?mail|message|mail|request|inquiry|enquiry|question|ticket|application)"
    r"|your (?:e-?mail|message|request|inquiry|enquiry|ticket)[^\n.]{0,20} (?:has been|was) (?:received|registered)"
    r"|(?:haben|habe) ihre (?:e-?mail|nachricht|anfrage|meldung|mitteilung|bewerbung)[^\n.]{0,24} erhalten"
    r"|ihre? (?:e-?mail|nachricht|anfrage|meldung|ticket|anliegen)[^\n.]{0,24}"
    r" (?:(?:bei uns )?eingegangen|(?:wurde|ist|wird)[^\n.]{0,60} (?:erhalten|registriert|aufgenommen|erfasst))"
    r"|avons bien reçu votre|votre (?:demande|message)[^\n.]{0,20}"
    r" a (?:bien )?été (?:reçue?|enregistrée?|prise? en compte)"
    r"|(?:su|tu) (?:solicitud|mensaje|consulta)[^\n.]{0,20} ha sido (?:recibid|registrad)[ao]"
    r"|(?:sua|tua) (?:richiesta|segnalazione)[^\n.]{0,20} è stata (?:ricevuta|registrata)"
    r"|sua (?:solicitação|mensagem)[^\n.]{0,20} foi (?:recebida|registrada)"
    r"|uw (?:verzoek|bericht|vraag)[^\n.]{0,20} (?:is|hebben wij)[^\n.]{0,12} (?:ontvangen|geregistreerd)",
    re.I,
)
# What helpdesks put in front of the subject that they confirm, and the number below it: people receive tickets, too.
RECEIPT_TITLE = re.compile(
    r"\s*(?:\[(?:request|ticket) received\]|\[(?:anfrage|ticket) erhalten\]|\[demande reçue\]|\[solicitud recibida\]"
    r"|\[solicitação recebida\]|\[richiesta ricevuta\]|\[verzoek ontvangen\]"
    r"|(?:ticket (?:received|erhalten|erstellt)|support ticket opened)\s*[-–:#\[])",
)
RECEIPT_NUMBER = re.compile(
    r"(?:ticket|request|anfrage|demande|solicitud|solicitação|richiesta|verzoek)[^\n.]{0,24}[\s(#]\d{3}", re.I
)
# "Name: Anna Berg", or a line that only names what follows.
FORM_FIELD = re.compile(
    r"^[ \t]*(?:[^\W\d_][^\n:]{1,30}:[ \t]+\S"
    r"|(?:nachricht(?:entext)?|message|mensaje|messaggio|mensagem|comments?)[ \t]*:)",
    re.I | re.M,
)
