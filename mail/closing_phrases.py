"""The words that stand at the end (and the top) of mails without being said: banners, legal notices, closings.

In the languages of the people who write to us. BANNER, DISCLAIMER_* and CLOSING are matched on lower-case text:
ignoring case costs five times as much.
"""

from __future__ import annotations

import re

_DEVICE = (
    r"iphone|ipad|ipod|android|samsung|galaxy|huawei|xiaomi|redmi|oppo|vivo|pixel|oneplus|nokia|htc|lg|sony"
    r"|xperia|motorola|blackberry|windows|lumia|outlook|mobile|"
    r"handy|smartphone|phone|téléphone|telefon|telefono|teléfono|tablet|mail|airmail|spark|proton|yahoo|aol"
    r"|gmx|gmail|zoho|k-9|blue|mailbox|device|gerät|appareil|"
    r"dispositivo|móvil|movil|cellulare|celular|telemóvel|телефон|смартфон|устройств|пристр|mailspring|newton"
    r"|superhuman|hey|front|missive|bluemail|edison|nine|"
    r"mobil|kännykä|puhelim|cep telef|手机|手機|携帯|스마트폰|휴대폰"
)
BANNER = re.compile(
    rf"[\s<>(\[*_~-]*(?:"
    rf"(?:sent|gesendet|envoyé|envoyée|enviado|enviada|inviato|inviata|verzonden|verstuurd|wysłane|wysłano"
    rf"|отправлено|надіслано|відправлено|skickat|skickades|sendt|lähetetty|odesláno|"
    rf"odoslané|elküldve|trimis|gönderildi|gönderilmiştir|poslano|saadetud|enviat|написано|message sent|posted"
    rf"|composed|diese nachricht wurde|diese e-mail wurde|dieses mail wurde|diese mail wurde|"
    rf"message envoyé|mensaje enviado|mensagem enviada|messaggio inviato)(?:\s|\Z)"
    rf"(?:[^\n.!?]{{0,12}}\s)?(?:from|via|with|by|using|on|von|mit|über|depuis|de|du|avec|à partir|desde|con"
    rf"|da|dal|dall|do|com|van|vanaf|met|z|ze|za|с|из|от|через|з|із|från|fra|med|från|laitteesta|"
    rf"z mého|ze|zo|iz|din|de pe|a|meu|mi|dum|using)\b[^\n]{{0,90}}"
    rf"|(?:get|download|hol(?:en)? sie sich|outlook für|obtenez|obtenir|téléchargez|télécharger|obtener|obtén"
    rf"|descargar|descarga|scarica|ottieni|obter|obtenha|baixe|download|krijg|haal|pobierz|загрузить|скачать"
    rf"|получить|hämta|hent|hanki|stáhnout|získat|"
    rf"letölt[^\s]{{0,6}}|获取|下载|取得|ダウンロード)\s?[^\n]{{0,12}}(?:outlook|bluemail|spark|yahoo mail"
    rf"|mailbird)[^\n]{{0,120}}"
    rf"|(?:von|aus) (?:meinem|meiner|unterwegs)[^\n]{{1,50}}(?:gesendet|geschickt|geschrieben|verschickt"
    rf"|versendet)[^\n]{{0,60}}"
    rf"|von (?:{_DEVICE})[^\n]{{0,40}}gesendet"
    rf"|(?:from|de|da|van|fra|från|desde|z|od) (?:my|mon|mi|mio|mijn|min|meu|mojego|mého)\s(?:{_DEVICE})[^\n]{{0,30}}"
    rf"|\w{{2,20}} from (?:my )?mobile[^\n]{{0,10}}"
    rf"|sent (?:securely )?(?:from|via|with|by|using)[^\n]{{1,80}}|(?:excuse|pardon"
    rf"|forgive)[^\n]{{0,20}}(?:typos|brevity)[^\n]{{0,40}}"
    rf"|[^\n]{{0,30}}(?:iphone|ipad|android|samsung|outlook|telefon|cihaz|puhelim"
    rf"|laitte)[^\n]{{0,16}}(?:['’]?(?:ımdan|imden|umdan|dan|den|tan|ten|um'dan|mdan|sta|lta|stani|mról|ról"
    rf"|ről|emről))[^\n]{{0,12}}(?:gönderildi|gönderilmiştir|lähetetty|küldve)?"
    rf"|(?:从|從)(?:我的|我)[^\n]{{1,30}}(?:发送|傳送|发出|寄出|發送|发来)|(?:发自|發自|来自|來自|寄自)(?:我的"
    rf"|我)?[^\n]{{0,2}}(?:{_DEVICE})[^\n]{{0,20}}|[^\n]{{1,30}}(?:から送信|より送信|から送られ)[^\n]{{0,10}}"
    rf"|(?:나의|내|제)\s?[^\n]{{1,20}}에서 (?:보냄|보낸|전송|보냈)[^\n]{{0,10}}|[^\n]{{1,30}}에서 (?:보냄"
    rf"|전송됨|보낸 메일|보냈습니다)[^\n]{{0,6}}"
    rf"|(?:skickat|skickades|sendt|lähetetty|lähetin) [^\n]{{0,20}}(?:{_DEVICE})[^\n]{{0,30}}|från min [^\n]{{1,40}}"
    rf"|virus-?free\.?[^\n]{{0,40}}|virenfrei\.?[^\n]{{0,40}}|(?:libre|sans|bez|vrij van) (?:de )?virus[^\n]{{0,40}}"
    rf"|[^\n]{{0,40}}outlook[^\n]{{0,40}}<https://aka\.ms/[^\n]{{1,40}}"
    rf"|[^\n]{{0,24}}outlook[^\n]{{0,24}}(?:ios|android)[^\n]{{0,24}}"
    rf"|yahoo mail[^\n]{{0,12}}(?:search|organi[sz]e|rechercher|suchen)[^\n]{{0,60}}"
    rf")[\s>)\]*_~.-]*\Z",
)


DISCLAIMER_START = re.compile(
    r"[\s*_<\[(>-]*(?:(?:legal |e-?mail |important |medical )?(?:disclaimer|confidential(?:ity)?(?: (?:notice"
    r"|note|statement|warning|information|disclaimer))?|privileged and confidential|private (?:and"
    r"|&) confidential|privacy notice|legal notice|important notice)\b\s*[:.*_–—-]"
    r"|confidentiality (?:notice|note|statement|warning)|(?:this|the (?:information|content|contents"
    r"|information contained)(?: contained)? (?:in|of) this|the contents of this)\s(?:e-?mail|electronic"
    r"|message|communication|transmission|mail|information|correspondence)\b"
    r"[^\n]{0,120}\b(?:confidential|intended|privileged|legally|contain|scanned|checked|property|attachment)"
    r"|(?:please )?(?:consider|think)[^\n]{0,30}(?:environment|before (?:you )?print)|(?:please )?(?:save"
    r"|don.t|do not|think before)[^\n]{0,20}(?:trees?|print)[^\n]{0,40}"
    r"|this (?:e-?mail|message|mail)[^\n]{0,30}(?:has been|was|is) (?:scanned|checked|virus)"
    r"|(?:this )?e-?mail (?:was |has been )?(?:scanned|checked)"
    r"|(?:if you (?:are not|have received)|any (?:unauthori[sz]ed|unauthori[sz]ed review)"
    r"|unauthori[sz]ed (?:use|disclosure))[^\n]{0,200}"
    r"|[^\n]{0,80}\b(?:is (?:a company |a limited company )?(?:registered|incorporated) in"
    r"|registered (?:office|address|in (?:england|scotland|ireland|wales))|company (?:registration )?(?:no\b"
    r"|number))"
    r"|diese (?:e-?mail|nachricht|mail|elektronische)[^\n]{0,80}(?:vertraulich|rechtlich|ausschließlich"
    r"|kann vertrauliche|enthält)|(?:hinweis|wichtiger hinweis|vertraulichkeitshinweis|haftungsausschluss"
    r"|rechtlicher hinweis)\s*:"
    r"|der inhalt dieser (?:e-?mail|nachricht)[^\n]{0,60}|(?:bitte )?(?:denken sie an die umwelt"
    r"|prüfen sie[^\n]{0,40}(?:ausdruck|druck)|schonen sie)"
    r"|(?:ce|cet|le présent) (?:message|e-?mail|courriel|mail|courrier)[^\n]{0,100}(?:confidentiel|destin"
    r"|propriété|usage)|(?:avis|note) de confidentialité|(?:pensez|merci de penser)[^\n]{0,30}(?:environnement"
    r"|imprimer)|avant d.imprimer"
    r"|(?:este|el presente|la información contenida en este) (?:mensaje|correo"
    r"|e-?mail)[^\n]{0,100}(?:confidencial|dirig|destinatari|privileg|contiene|contener)|aviso (?:legal"
    r"|de confidencialidad)|(?:antes de imprimir|piense en el medio ambiente)[^\n]{0,60}"
    r"|(?:questo|il presente|la presente|le informazioni contenute in questo) (?:messaggio|e-?mail"
    r"|comunicazione|documento|mail)[^\n]{0,100}(?:riservat|confidenzial|destinat|contien)|(?:avviso"
    r"|nota) di riservatezza|(?:ai sensi del|prima di stampare)[^\n]{0,60}"
    r"|(?:esta|este|a presente|o conteúdo desta|as informações contidas nest[ae]) (?:mensagem|e-?mail"
    r"|correio)[^\n]{0,100}(?:confidenc|destin|privileg|conté|pode conter)|aviso (?:de confidencialidade"
    r"|legal)|antes de imprimir"
    r"|(?:dit|deze|de informatie in (?:dit|deze)|de inhoud van (?:dit|deze)) (?:bericht|e-?mail|mail"
    r"|e-mailbericht)[^\n]{0,100}(?:vertrouwelijk|bestemd|uitsluitend|geadresseerde)"
    r"|denk aan het milieu[^\n]{0,60}"
    r"|(?:ta|niniejsza|treść (?:tej|niniejszej)|niniejszy|ten) (?:wiadomoś|e-?mail|korespondencj|mail"
    r"|przesyłk)[^\n]{0,120}(?:poufn|przeznaczon|adresat|wyłącznie)|zanim wydrukujesz|pomyśl o środowisku"
    r"|(?:это|данное|настоящее|содержание данного|информация, содержащаяся в) (?:электронное |этом "
    r"|настоящем )?(?:письм|сообщени|электронн)[^\n]{0,120}(?:конфиденц|предназнач|исключительно|содерж)"
    r"|(?:уведомление о )?конфиденциальн[^\n]{0,40}[:.]"
    r"|(?:detta|det här|innehållet i detta) (?:e-?post|meddelande|mail|mejl)[^\n]{0,100}(?:konfident|sekretess"
    r"|avsed|endast)|denne (?:e-?mail|mail|meddelelse|e-post)[^\n]{0,100}(?:fortrolig|konfidens|tiltenkt"
    r"|beregnet)|tämä (?:sähköposti|viesti)[^\n]{0,100}(?:luottamuks|tarkoitet)"
    r"|(?:bu|işbu) (?:e-?posta|mesaj|ileti|elektronik)[^\n]{0,120}(?:gizli|kişiye özel|yalnız|sadece|muhatab)"
    r"|yasal uyarı|tato (?:zpráva|e-?mail)[^\n]{0,100}(?:důvěrn|určen)|ez az (?:e-?mail|üzenet"
    r"|levél)[^\n]{0,100}(?:bizalmas|titkos|címzett)|(?:це|цей|ця)(?: електронн[^\s]{1,4})? (?:повідомлення"
    r"|лист|пошт)[^\n]{0,120}(?:конфіденц|призначен)|acest (?:mesaj|e-?mail)[^\n]{0,100}(?:confiden|destinat)"
    r"|(?:本|此|这|這)(?:邮件|郵件|电子邮件|電子郵件|信息|訊息|信件|封邮件)[^\n]{0,60}(?:保密|机密|機密|收件人"
    r"|专有|僅供)|(?:免责声明|免責聲明|保密声明|保密聲明|重要提示)|(?:この|本)(?:メール|電子メール|Eメール"
    r"|メッセージ)[^\n]{0,60}(?:機密|秘密|宛先|受信者|名宛人)|(?:본|이) (?:메일|이메일|전자우편"
    r"|메시지)[^\n]{0,60}(?:비밀|기밀|수신인|지정된|법적)"
    r")",
)
DISCLAIMER_WORDS = re.compile(
    r"confidential|privileged|intended (?:solely |only |exclusively )?(?:for|recipient)|addressee"
    r"|unauthori[sz]ed|disclos|distribut|notify|delete|destroy|prohibited|copies|the sender"
    r"|registered (?:office|in)|company (?:no|number)|in error|virus|liab|attachment|views? (?:or"
    r"|and) opinions|"
    r"vertraulich|empfänger|irrtümlich|vernichten|löschen|informieren|unbefugt|confidentiel|destinataire"
    r"|par erreur|détruire|supprimer|confidencial|destinatari|por error|elimin|borr|riservat|per errore|"
    r"destinatário|por engano|apag|vertrouwelijk|geadresseerde|verwijder|abusievelijk|poufn|adresat|omyłkow"
    r"|usun|конфиденциальн|адресат|получател|по ошибке|удалит|sekretess|konfidentiell|mottagare|radera|"
    r"fortrolig|slett|luottamuksell|vastaanottaja|gizli|alıcı|yanlışlıkla|silin|důvěrn|adresát|omylem|bizalmas"
    r"|címzett|confidențial|конфіденц|адресат|помилково|видалит|greșeal|ștergeți|dacă l-ați|printing"
    r"|print this|保密|机密|機密|收件人|删除|刪除|秘密|受信者|削除|기밀|비밀|수신인|삭제",
)
# One of these is in every legal notice worth looking at.
DISCLAIMER_ROOTS = (
    "confiden",
    "vertraul",
    "intended",
    "privileg",
    "destin",
    "riservat",
    "vertrouwelijk",
    "poufn",
    "конфиденц",
    "konfiden",
    "sekretess",
    "fortrol",
    "luottamuks",
    "gizli",
    "důvěrn",
    "bizalmas",
    "保密",
    "机密",
    "機密",
    "秘密",
    "기밀",
    "비밀",
    "recipient",
    "addressee",
    "liab",
    "virus",
    "empfänger",
    "adressat",
    "adresat",
    "получател",
    "alıcı",
    "конфіденц",
)
# Banners that gateways put on top of other people's mail.
GATEWAY_BANNER = re.compile(
    r"[\s*_\[(<!⚠️-]*(?:caution|warning|attention|external(?: e-?mail| sender| message)?|achtung|vorsicht"
    r"|extern(?:e e-?mail|al)?|be careful|sécurité|atención|attenzione|let op"
    r"|uwaga)\s*[\])>*!:_.–—-]*[^\n]{0,40}"
    r"(?:external|outside|originat|extern|außerhalb|extérieur|externo|esterno|zewn|click (?:on )?links"
    r"|organi[sz]ation|unknown sender|not recogni[sz]e)[^\n]{0,400}"
    r"|[\s*\[(]*(?:\[?external(?: e-?mail| sender)?\]?)[\s*\])]*\Z"
    r"|(?:this (?:e-?mail|message) (?:originated|comes?|came|was sent) from (?:outside|an external)"
    r"|you don.t often get e-?mail from|(?:some people|someone) who received this message don.t often get"
    r"|sie erhalten nicht (?:oft|häufig) e-?mails von|vous n.obtenez pas souvent|vous ne recevez pas souvent"
    r"|no suele recibir correo|non si ricevono spesso|u ontvangt niet vaak)[^\n]{0,400}",
    re.I,
)
GATEWAY_MARKS = (
    "external",
    "extern",
    "outside",
    "originated",
    "don't often",
    "don’t often",
    "nicht oft",
    "nicht häufig",
    "souvent",
    "no suele",
    "spesso",
    "niet vaak",
    "externo",
    "esterno",
)


CLOSING = re.compile(
    r"(?:(?:with |my |many |our )?(?:best|kind|kindest|warm|warmest|sincere|respectful)?\s?(?:regards|wishes)"
    r"|best|all the best|cheers|sincerely|yours (?:sincerely|faithfully|truly)|respectfully|rgds|br|kr"
    r"|(?:many |with )?thanks(?: and (?:best |kind )?regards| a lot| again| so much| in advance)?"
    r"|thank you(?: (?:very much|so much|in advance|and (?:best |kind )?regards))?|thx"
    r"|(?:mit )?(?:freundlichen?|besten?|herzlichen?|vielen?|lieben?|schönen?|sonnigen)\s(?:grüßen?|grüssen?"
    r"|gruß|gruss|dank)(?: aus [^\n]{1,30})?|grüße|gruß|gruss|mfg|lg|vg|hochachtungsvoll|(?:vielen |besten "
    r"|herzlichen )?dank(?: im voraus| und [^\n]{1,30})?"
    r"|(?:bien |très )?cordialement(?: vôtre)?|(?:sincères |meilleures "
    r"|cordiales )?salutations(?: distinguées)?|bien à (?:vous|toi)|(?:je vous prie"
    r"|veuillez)[^\n]{0,80}salutations[^\n]{0,30}|bonne (?:journée|soirée|fin de journée)|merci(?: d.avance"
    r"| beaucoup| par avance)?|cdlt|bàv"
    r"|(?:un )?(?:cordial(?:es)? )?saludos?(?: cordial(?:es)?)?|atentamente|atte\.?"
    r"|(?:muchas )?gracias(?: de antemano)?|cordialmente|reciba un cordial saludo"
    r"|(?:cordiali|distinti) saluti|saluti|cordialità|(?:mille )?grazie(?: mille| in anticipo)?"
    r"|buona (?:giornata|serata)|buon lavoro"
    r"|atenciosamente|att\.?|(?:com os )?(?:melhores )?cumprimentos|obrigad[oa]|abraços?|cordialmente"
    r"|met vriendelijke (?:groeten?|groet)|vriendelijke (?:groeten?|groet)|(?:hartelijke )?groet(?:en|jes)?"
    r"|mvg|hoogachtend|(?:alvast )?bedankt|dank (?:u|je)(?: wel)?"
    r"|(?:z |serdecznie )?(?:poważaniem|pozdrawiam|pozdrowieniami)(?: serdecznie)?|serdecznie pozdrawiam"
    r"|(?:z góry )?dziękuję|pozdr\.?"
    r"|с уважением|с наилучшими пожеланиями|всего (?:доброго|хорошего)|спасибо|заранее (?:спасибо"
    r"|благодар[^\s]{1,6})|з повагою|дякую|(?:наперед )?вдячн[^\s]{1,4}"
    r"|(?:med )?(?:vänliga?|vänlig|venlig|vennlig|bästa|bedste|beste) (?:hälsning(?:ar)?|hilsen|hilsner)"
    r"|hälsningar|mvh|hilsen|(?:på forhånd )?tak(?:k)?|tack(?: på förhand)?|ystävällisin terveisin|terveisin"
    r"|terv\.?|t\.|kiitos|(?:parhain|parhaimmin) terveisin"
    r"|saygılarımla|saygılar(?:ımızla)?|iyi (?:çalışmalar|günler)(?: dilerim)?|teşekkür(?:ler|ederim| ederim)?"
    r"|sevgiler|s pozdravem|děkuji|s pozdravom|ďakujem|üdvözlettel|tisztelettel|köszönöm|cu (?:stimă|respect)"
    r"|mulțumesc|toate cele bune"
    r"|此致|敬上|谢谢|謝謝|祝好|顺祝商祺|敬祝|よろしくお願い(?:いた|致)?します|よろしくお願い申し上げます|敬具"
    r"|以上|감사합니다|안녕히 계세요|수고하세요|드림)",
)
CONTACT = re.compile(
    r"(?:(?<![\w])(?:tel(?:efon|éfono|efono|éphone|efone|efoon|\.)?|phone|mobile?|mob|cell|fax|handy|mobil"
    r"|direct|office|portable|móvil|cellulare|cel|telemóvel|gsm|тел|моб|puh|t|m|f|e|w|p|ph|web|website|e-?mail"
    r"|mail|电话|手机|電話|携帯|전화|휴대폰|whatsapp|skype|ust-?id(?:nr)?|hrb|amtsgericht"
    r"|geschäftsführer(?:in)?|vat|siret|p\.?\s?iva|nip|кпп|инн)\s?[.:：|]\s?\S)"
    r"|\+?\(?\d[\d\s().\-/]{7,22}\d|(?:https?://|www\.)\S+|[\w.+-]{1,64}@[\w-]{1,60}\.[\w.-]{2,60}"
    r"|(?<!\w)\d{4,5}(?:[- ]\d{3,4})?\s[A-ZÄÖÜ][\w-]{2,}|(?:street|st\.|str\.|straße|strasse|avenue|ave\.|rue"
    r"|calle|via|rua|straat|ul\.|ул\.|road|suite|floor|gmbh|ltd|llc|inc\.|s\.?a\.?r\.?l|s\.?p\.?a|b\.v\."
    r"|sp\. z o\.o|ооо)(?!\w)",
    re.I,
)
