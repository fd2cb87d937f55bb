"""The words that stand at the end (and the top) of mails without being said: banners, legal notices, closings.

In the languages of the people who write to us. BANNER, DISCLAIMER_* and CLOSING are matched on lower-case text:
ignoring case costs five times as much.
"""

from __future__ import annotations

import re

_DEVICE = (
    r"iphon|ipad|ipod|android|samsung|galaxy|huawei|xiaomi|redmi|oppo|vivo|pixel|oneplus|nokia|htc|lg|sony"
    r"|xperia|motorola|blackberry|windows|lumia|outlook|mobile|"
    r"handy|smartphone|phone|téléphone|telefon|telefono|teléfono|tablet|mail|airmail|spark|proton|yahoo|aol"
    r"|gmx|gmail|zoho|k-9|blue|mailbox|device|gerät|appareil|"
    r"dispositivo|móvil|movil|cellulare|celular|telemóvel|телефон|смартфон|мобильн|мобільн|яндекс|устройств"
    r"|пристр|mailspring|newton"
    r"|superhuman|hey|front|missive|bluemail|edison|nine|boxer|"
    r"mobil|kännykä|puhelim|cep telef|手机|手機|华为|小米|荣耀|三星|携帯|스마트폰|휴대폰"
)
# "Sent from my iPhone": the verb and its own prepositions, language by language; as a whole line only, and where the
# words could be a person's own, only with the device or program behind them.
_SENT = (
    rf"(?:message )?sent from (?:my|a|the) [^\n.?!:,]{{1,40}}"
    rf"|sent from (?![^\n]*\?\Z)[^\n]{{0,16}}(?:{_DEVICE})[^\n]{{0,90}}"
    rf"|(?:message )?sent (?:securely )?(?:via|with|by|using|on) [^\n]{{0,16}}(?:{_DEVICE})[^\n]{{0,60}}",
    rf"(?:gesendet|geschrieben|verfasst) (?:von|mit|über|aus)\b[^\n]{{0,30}}(?:{_DEVICE})[^\n]{{0,50}}"
    rf"|(?:von|aus) (?:meinem|meiner|unterwegs)[^\n]{{1,50}}(?:gesendet|geschickt|geschrieben|verschickt|versendet)"
    rf"[^\n]{{0,60}}|von (?:{_DEVICE})[^\n]{{0,40}}gesendet"
    r"|gesendet von unterwegs"
    r"|(?:diese nachricht|diese e-?mail|dieses? mail) wurde (?:von|mit)[^\n]{1,70}(?:gesendet|verschickt|geschrieben)",
    rf"(?:message )?envoyée? (?:de|du|depuis|avec|à partir|par|via)\b[^\n]{{0,30}}(?:{_DEVICE})[^\n]{{0,50}}",
    rf"(?:mensaje |mensagem )?enviad[oa] (?:desde|de|del|do|da|com|con|por|via|a partir)\b[^\n]{{0,30}}(?:{_DEVICE})"
    r"[^\n]{0,50}",
    rf"(?:messaggio )?inviat[oa] (?:da|dal|dall|con|tramite|mediante)\b[^\n]{{0,30}}(?:{_DEVICE})[^\n]{{0,50}}",
    rf"(?:verzonden|verstuurd) (?:met|van|vanaf|via|vanuit)\b[^\n]{{0,30}}(?:{_DEVICE})[^\n]{{0,50}}",
    rf"wysłan[eoay] (?:z|ze|za|przez|przy)\b[^\n]{{0,30}}(?:{_DEVICE})[^\n]{{0,50}}",
    rf"(?:отправлено|написано|надіслано|відправлено) (?:с|со|из|от|через|при|з"
    rf"|із)\b[^\n]{{0,40}}(?:{_DEVICE})[^\n]{{0,50}}",
    rf"(?:skicka[dt]s?|sendt) (?:från|fra|med|via) [^\n]{{0,30}}(?:{_DEVICE})[^\n]{{0,40}}|från min [^\n]{{1,40}}",
    rf"(?:lähetetty|lähetin) [^\n]{{0,20}}(?:{_DEVICE})[^\n]{{0,30}}",
    rf"(?:odesláno|odoslané|poslano) (?:z|ze|zo|s|pomocí|pomocou)\b[^\n]{{0,30}}(?:{_DEVICE})[^\n]{{0,40}}",
    rf"(?:trimis|expediat) (?:de pe|din|cu|de la)\b[^\n]{{0,30}}(?:{_DEVICE})[^\n]{{0,40}}",
    rf"[^\n]{{0,24}}(?:{_DEVICE})[^\n]{{0,20}}(?:küldve|gönderildi|gönderilmiştir|lähetetty)",
    rf"(?:从|從)我的[^\n]{{1,30}}(?:发送|傳送|发出|寄出|發送|发来)"
    rf"|从 ?[^\n]{{0,12}}(?:{_DEVICE})[^\n]{{0,12}}发送"
    rf"|(?:发自|發自|来自|來自|寄自|发送自) ?(?:我的|我)?\s?(?:{_DEVICE})[^\n]{{0,20}}",
    r"[^\n]{1,30}(?:から送信|より送信|から送られ)[^\n]{0,10}",
    rf"(?:נשלח מ|(?:تم الإرسال|أُ?رسلت?|مُ?رسلة?) من |στάλθηκε από|αποστολή από το"
    rf"|küldve (?:az? )?|изпратено от|đã gửi từ|dikirim dari|enviat des d"
    rf"|ส่งจาก|فرستاده شده از)[^\n]{{0,20}}(?:{_DEVICE})[^\n]{{0,30}}",
    r"(?:나의|내|제)\s?[^\n]{1,20}에서 (?:보냄|보낸|전송|보냈)[^\n]{0,10}|[^\n]{1,30}에서 (?:보냄|보냈습니다|전송됨"
    r"|보낸 메일)[^\n]{0,6}",
)
_PROGRAM = r"(?:outlook|bluemail|spark|yahoo mail|mailbird|aquamail)"
_GET = (
    r"(?:get|download|hol(?:en)? sie sich|outlook für|obtenez|obtenir|téléchargez|télécharger|obtener|obtén|descargar"
    r"|descarga|scarica|ottieni|obter|obtenha|baixe|baixar|krijg|haal|pobierz|загрузить|скачать|получить|отримати"
    r"|завантажити|hämta|hent|hanki|stáhnout|získat|získajte|obțineți|descărcați|获取|下载|取得|ダウンロード)"
)
_FOR = r"(?:for|für|för|pour|para|per|voor|dla|для|till|til|pro|pre|pentru|app|auf|på)"
_GET_IT = (
    rf"{_GET}\s?[^\n]{{0,14}}{_PROGRAM}(?:\s{_FOR}\b[^\n]{{0,90}}|\s?[<(]?https?:[^\n]{{0,120}})?",
    r"[^\n]{0,40}outlook[^\n]{0,40}<https://aka\.ms/[^\n]{1,40}",
    r"(?:az )?(?:outlook|android|ios)[^\n.?!]{0,24}(?:outlook|ios|android)[^\n.?!]{0,24}",
    r"yahoo mail[^\n]{0,12}(?:search|organi[sz]e|rechercher|suchen)[^\n]{0,60}",
)
_OTHER = (
    rf"(?:from|de|da|van|fra|från|desde|z|od) (?:my|mon|mi|mio|mijn|min|meu|mojego"
    rf"|mého) (?:{_DEVICE})\w{{0,3}}(?: \d{{1,2}}\w?)?",
    r"\w{2,20} from (?:my )?mobile",
    r"(?:this email|diese e-?mail|cet e-?mail|este (?:correo electrónico|e-?mail)|questa e-?mail|deze e-?mail"
    r"|ta wiadomość)[^\n]{3,100}(?:delivered by|durch|von|par|por|da|door|przez) zendesk[^\n]{0,20}",
    r"provenance : [^\n]{3,40}|typed (?:on|with|by) [^\n]{0,24}(?:keyboard|screen|thumbs?\b|phone)[^\n]{0,40}",
    r"\w{4,12} (?:with|mit|avec|con|com|met|z|с) tuta(?:nota)?\b[^\n]{0,140}",
    r"(?:please )?(?:excuse|pardon|forgive)[^\n]{0,20}(?:typos|brevity)[^\n]{0,40}",
    r"(?:virus-?free|virenfrei|(?:libre|sans|bez|vrij van) (?:de )?virus)\.?[^\n]{0,40}",
)
# Behind one of these on the same line.
_EXCUSE = (
    r"(?:please )?(?:excuse|pardon|forgive)[^\n]{0,20}(?:typos|brevity)|(?:bitte )?(?:entschuldigen|verzeihen) sie"
    r"|(?:veuillez|merci de bien vouloir|merci d.) ?(?:m.)?excuser|disculpen?|(?:mi )?scus(?:i|ate|o)"
)
BANNER = re.compile(
    rf"[\s<>(\[*_~-]*(?:{'|'.join((*_SENT, *_GET_IT, *_OTHER))})"
    rf"(?:[\s.,;!–-]{{1,4}}(?:{_EXCUSE})[^\n]{{0,60}})?[\s>)\]*_~.-]*\Z"
)


DISCLAIMER_START = re.compile(
    r"[^\w\n]{0,12}(?:p (?=please))?(?:(?:important )?(?:notice|note|attention)\s?[:–-]\s*)?(?:(?:legal |e-?mail "
    r"|important |medical )?(?:disclaimer|confidential(?:ity)?(?: (?:notice"
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
    r"|der inhalt dieser (?:e-?mail|nachricht)[^\n]{0,60}"
    r"|der austausch von nachrichten[^\n]{0,60}informationszweck|(?:bitte )?(?:denken sie an die umwelt"
    r"|prüfen sie[^\n]{0,40}(?:ausdruck|druck)|schonen sie)"
    r"|(?:ce|cet|le présent) (?:message|e-?mail|courriel|mail|courrier)[^\n]{0,100}(?:confidentiel|destin"
    r"|propriété|usage)|les informations contenues dans ce[^\n]{0,100}(?:confidentiel|destinataire)"
    r"|(?:avis|note) de confidentialité|(?:pensez|merci de penser)[^\n]{0,30}(?:environnement"
    r"|imprimer)|avant d.imprimer"
    r"|(?:este|el presente|la información contenida en este) (?:mensaje|correo"
    r"|e-?mail)[^\n]{0,100}(?:confidencial|dirig|destinatari|privileg|contiene|contener)|aviso (?:legal"
    r"|de confidencialidad)|confidencialidad\s*:|en cumplimiento de[^\n]{0,200}"
    r"|de conformidad con[^\n]{0,160}(?:confidencial|destinatari)"
    r"|(?:antes de imprimir|piense en el medio ambiente)[^\n]{0,60}"
    r"|(?:questo|il presente|la presente|le informazioni contenute in questo) (?:messaggio|e-?mail"
    r"|comunicazione|documento|mail)[^\n]{0,100}(?:riservat|confidenzial|destinat|contien)|(?:avviso"
    r"|nota) di riservatezza|(?:ai sensi del|prima di stampare)[^\n]{0,60}"
    r"|(?:esta|este|a presente|o conteúdo desta|as informações contidas nest[ae]) (?:mensagem|e-?mail"
    r"|correio)[^\n]{0,100}(?:confidenc|destin|privileg|conté|pode conter)|aviso (?:de confidencialidade"
    r"|legal)|antes de imprimir"
    r"|(?:dit|deze|de informatie in (?:dit|deze)|de inhoud van (?:dit|deze)) (?:bericht|e-?mail|mail"
    r"|e-mailbericht)[^\n]{0,100}(?:vertrouwelijk|bestemd|uitsluitend|geadresseerde)"
    r"|denk aan het milieu[^\n]{0,60}|de informatie (?:verzonden|in) [^\n]{0,80}(?:vertrouwelijk|bestemd|geadresseerde)"
    r"|(?:ta|niniejsza|treść (?:tej|niniejszej)|niniejszy|ten) (?:wiadomoś|e-?mail|korespondencj|mail"
    r"|przesyłk)[^\n]{0,120}(?:poufn|przeznaczon|adresat|wyłącznie)|zanim wydrukujesz|pomyśl o środowisku"
    r"|(?:это|данное|настоящее|содержание данного|информация, содержащаяся в) (?:электронное |этом "
    r"|настоящем )?(?:письм|сообщени|электронн)[^\n]{0,120}(?:конфиденц|предназнач|исключительно|содерж)"
    r"|(?:уведомление о )?конфиденциальн[^\n]{0,40}[:.]"
    r"|(?:detta|det här|innehållet i detta) (?:e-?post|meddelande|mail|mejl)[^\n]{0,100}(?:konfident|sekretess"
    r"|avsed|endast)|denne (?:e-?mail|mail|meddelelse|e-post)[^\n]{0,100}(?:fortrolig|konfidens|tiltenkt"
    r"|beregnet)|το παρόν (?:μήνυμα|e-?mail)[^\n]{0,100}(?:εμπιστευτικ|παραλήπτη)"
    r"|tämä (?:sähköposti|viesti)[^\n]{0,100}(?:luottamuks|tarkoitet)"
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
    r"vertraulich|empfänger|adressat|irrtümlich|vernichten|löschen|informieren|unbefugt|confidentiel|destinataire"
    r"|par erreur|détruire|supprimer|confidencial|destinatari|por error|elimin|borr|riservat|per errore|"
    r"destinatário|por engano|apag|vertrouwelijk|geadresseerde|verwijder|abusievelijk|vernietig|onterecht|ten onrechte"
    r"|ausschließlich für d|poufn|adresat|omyłkow"
    r"|usun|конфиденциальн|адресат|получател|по ошибке|удалит|konfidensiell|mottaker|avsender|ved en feil"
    r"|modtager|ved en fejl|avsändaren|av misstag|vahingossa|lähettäjä|odesílatel|töröl|sekretess"
    r"|konfidentiell|mottagare|radera|"
    r"fortrolig|slett|luottamuksell|vastaanottaja|gizli|alıcı|yanlışlıkla|silin|důvěrn|adresát|omylem|bizalmas"
    r"|címzett|confidențial|конфіденц|адресат|помилково|видалит|εμπιστευτικ|παραλήπτη|κατά λάθος|διαγράψτε|greșeal"
    r"|ștergeți|dacă l-ați|printing"
    r"|print this|保密|机密|機密|收件人|收件者|銷毀|揭露|删除|刪除|秘密|受信者|削除|기밀|비밀|수신인|삭제",
)
# Notices that are one line and no law: trees, and the scanner's advertisement.
NOTICE_LINE = re.compile(
    r"[^\w\n]{0,12}(?:p (?=please))?(?:(?:please )?(?:consider|think (?:about|of)) (?:the|our) environment"
    r"|(?:please )?save (?:a|the|some) tree"
    r"|(?:please )?(?:do not|don.t|think before you) print (?:this|unless)|this (?:e-?mail|message"
    r"|mail) (?:has been|was) "
    r"(?:scanned|checked) (?:for|by)|diese e-?mail wurde (?:auf viren|von)|(?:bitte )?denken sie an die umwelt"
    r"|(?:bitte )?prüfen sie[^\n]{0,40}(?:ausdruck|drucken)|(?:merci de |pensez )[^\n]{0,30}(?:environnement|imprimer)"
    r"|avant d.imprimer|antes de imprimir|prima di stampare|denk aan het milieu|zanim wydrukujesz|pomyśl o środowisku"
    r"|piense en el medio ambiente|der austausch von nachrichten[^\n]{0,60}informationszweck)",
)
# A line of its own above a notice.
NOTICE_HEADING = re.compile(
    r"[^\w\n]{0,6}(?:(?:legal |e-?mail |important )?(?:disclaimer|notice)|confidential(?:ity)?(?: notice)?"
    r"|haftungsausschluss|vertraulichkeit(?:shinweis)?|(?:rechtlicher |wichtiger )?hinweis"
    r"|(?:avis de )?confidentialité|avertissement|aviso (?:legal|de confidencialidad|de confidencialidade)"
    r"|confidencialidade?|(?:avviso di )?riservatezza|vertrouwelijkheid|klauzula poufności"
    r"|yasal uyarı|免责声明|免責聲明|免責事項)[^\w\n]{0,6}",
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
    "εμπιστευτικ",
)
# Banners that gateways put on top of other people's mail.
_MAIL = (
    r"mail|mejl|e-post|messag|sender|link|nachricht|absender|expéditeur|courriel|correo|remitente|remetente|mensage"
    r"|mittent|bericht|afzender|wiadomo|nadawc|письм|отправит|лист|viesti|levél|feladó|e-posta|μήνυμα|メール|邮件|郵件"
    r"|发件|寄件|메일"
)
_WARN = (
    r"caution|warning|warnung|attention|notice|external|extern|be careful|achtung|vorsicht|hinweis|sécurité"
    r"|precaución|atención|aviso|cuidado|attenzione|atenção|let op|uwaga|внимание|увага|varning|advarsel|huom"
    r"|upozornění|figyelem|dikkat|di̇kkat|προσοχη|προσοχή|注意|警告|주의|外部(?:メール|邮件|郵件)"
)
_OUTSIDE = (
    r"external(?:ly)? (?:e-?mail|sender|source|message|origin)|originat|(?:from|sent) outside"
    r"|outside (?:of )?(?:the|your|our|this) (?:\w+ )?"
    r"(?:organi[sz]|compan|firm|network|council|universi|school|agency|domain|group)"
    r"|from an external|extern(?:e[rn]?)? (?:e-?mail|absender|nachricht|mail)|von extern|\beinem externen"
    r"|(?:von )?au(?:ß|ss)erhalb (?:der|unserer|ihrer|des|gesendet)"
    r"|extérieur|(?:expéditeur|personne) externe|(?:correo|remitente) externo|fuera de (?:la|su|nuestra)"
    r"|mittente esterno|esterna all|dall.esterno|remetente externo|e-?mail externo|fora d[aeo] (?:sua |nossa )?organiza"
    r"|externe afzender|van buiten|nadawc[aęy] zewn|zewnętrzn\w{1,4} nadawc|spoza organizacji|unknown sender"
    r"|внешн\w{1,4} (?:отправит|адрес|источн)|зовнішн\w{1,4} (?:відправ|адрес)|extern avsändare"
    r"|ekstern (?:afsender|avsender)|organisaation ulkopuol|extern\w{1,4} odes|külső feladó|(?:kurum|şirket) dışı"
    r"|εξωτερικ\w{1,3} (?:αποστολ|πηγ)|組織外|社外から|外部から|外部の送信|(?:来自|來自|源自)外部"
    r"|外部(?:送信|发件|發件|寄件|邮件|郵件|メール)|외부에서|외부 ?메일"
)
# Microsoft 365: "You don't often get email from …", with the same link in every language.
_SELDOM = (
    r"you don.t often get e-?mail from|(?:some people|someone) who received this message don.t often get"
    r"|sie erhalten nicht (?:oft|häufig) e-?mails von|vous n.obtenez pas souvent|vous ne recevez pas souvent"
    r"|no suele recibir correo|non si ricevono spesso|u ontvangt niet vaak|nie otrzymujesz często"
    r"|du får (?:inte ofta|ikke ofte)|du modtager ikke ofte|[^\n]{1,200}aka\.ms/learnaboutsenderidentification"
)
GATEWAY_BANNER = re.compile(
    # What it warns of is mail.
    rf"(?=[^\n]{{0,400}}(?:{_MAIL}|external))"
    rf"[\s*_\[(<!⚠️【-]*(?:(?:{_WARN})\b[^\n]{{0,80}}(?:{_OUTSIDE})[^\n]{{0,400}}"
    r"|external(?: e-?mail| sender| message)?[\s*\])⚠️]*\Z|(?:caution|warning)[\s:–-]*external[\s*\])!:]*\Z"
    r"|external (?:e-?mail|sender|message)\b[^\n]{0,80}(?:caution|careful|verify|links?\b|attachment)[^\n]{0,200}"
    r"|(?:diese (?:e-?mail|nachricht) (?:kommt|stammt|wurde) von"
    r"|(?:ce (?:courriel|message|mail)|cet e-?mail) (?:provient|vient|a été envoyé)"
    r"|este (?:correo|mensaje)[^\n]{0,14} (?:proviene|procede|se ha originado)"
    r"|quest[ao] (?:e-?mail|messaggio) (?:proviene|arriva)|(?:deze e-?mail|dit bericht) (?:is afkomstig|komt)"
    r"|this (?:e-?mail|message) (?:(?:has )?originated|comes?|came|was sent|is) from"
    rf"|(?:この|本)メール|(?:此|本)(?:邮件|郵件)|이 메일)[^\n]{{0,40}}(?:{_OUTSIDE}|outside|external)[^\n]{{0,400}}"
    rf"|{_SELDOM})[^\n]{{0,400}}",
    re.I,
)
_ADVICE = (
    r"links?\b|liens|enlaces|collegament|koppeling|ссыл|посилан|länk|lenke|リンク|链接|連結|링크|click|klick|cliqu|klik"
    r"|attach|anhäng|anhang|pièces|adjunt|archivos|allegat|anex|bijlage|załącz|влож|вклад|bilag|liitte|přílo|mellékle"
    r"|添付|附件|첨부|caution|careful|trust|vertrau|recogni|phish|aka\.ms"
)
# Words of a banner's further lines.
GATEWAY_ADVICE = re.compile(rf"{_ADVICE}|sender|absender|organi[sz]ation|e-?mail|message", re.I)
# A banner speaks of the mail it stands in, or says what not to do; who reports trouble with mail does neither.
GATEWAY_CERTAIN = re.compile(
    rf"{_ADVICE}|\bthis\b|diese\b|\bcet?\b|\best[ea]\b|quest[ao]\b|deze\b|\bdit\b|\bta\b|\bэто\b|данное|\bdet|denne|tämä"
    rf"|tento|tato|\bez\b|\bbu\b|αυτό|\bцей|この|本メール|[本此这這封][邮郵]|이 메일|본 메일|{_SELDOM}",
    re.I,
)
GATEWAY_MARKS = (
    "extern",
    "outside",
    "originat",
    "often get",
    "learnaboutsender",
    "nicht oft",
    "nicht häufig",
    "souvent",
    "no suele",
    "spesso",
    "niet vaak",
    "często",
    "inte ofta",
    "ikke ofte",
    "estern",
    "extérieur",
    "ausserhalb",
    "fuera de",
    "van buiten",
    "zewn",
    "spoza",
    "внешн",
    "зовнішн",
    "fora d",
    "ekstern",
    "ulkopuol",
    "külső",
    "dışı",
    "εξωτερικ",
    "組織外",
    "社外",
    "外部",
    "외부",
    "unknown sender",
)


CLOSING = re.compile(
    r"(?:(?:with |my |many |our )?(?:best|kind|kindest|warm|warmest|sincere|respectful)?\s?(?:regards|wishes)"
    r"|have a (?:nice|great|good|lovely|wonderful) [^\n]{3,20}|(?:einen )?schönen? (?:tag|abend)(?: noch)?"
    r"|que tengas? (?:un )?buen día|fijne (?:dag|avond)|prettige dag"
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
    r"|με (?:εκτίμηση|φιλικούς χαιρετισμούς|τιμή)|(?:σας )?ευχαριστώ(?: πολύ)?"
    r"|此致|敬礼|敬禮|敬上|谢谢|謝謝|祝好|顺祝商祺|敬祝|よろしくお願い(?:いた|致)?します|よろしくお願い申し上げます|敬具"
    r"|以上|감사합니다|안녕히 계세요|수고하세요|드림)",
)
CONTACT = re.compile(
    r"(?:(?<![\w])(?:tel(?:efon|éfono|efono|éphone|efone|efoon|\.)?|phone|mobile?|mob|cell|fax|handy|mobil"
    r"|direct|office|portable|móvil|cellulare|cel|telemóvel|gsm|тел|моб|puh|t|m|f|e|w|p|ph|web|website|e-?mail"
    r"|mail|电话|手机|電話|携帯|전화|휴대폰|whatsapp|skype|ust-?id(?:nr)?|hrb|amtsgericht"
    r"|geschäftsführer(?:in)?|vat|siret|p\.?\s?iva|nip|кпп|инн)\s?[.:：|]\s?\S)"
    r"|\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b|\+?\(?\d[\d\s().\-/]{7,22}\d|(?:https?://|www\.)\S+|[\w.+-]{1,64}@[\w-]{1,60}\.[\w.-]{2,60}"
    r"|(?<!\w)\d{4,5}(?:[- ]\d{3,4})?\s[A-ZÄÖÜ][\w-]{2,}|(?:street|st\.|str\.|straße|strasse|avenue|ave\.|rue"
    r"|calle|via|rua|straat|ul\.|ул\.|road|suite|floor|gmbh|ltd|llc|inc\.|s\.?a\.?r\.?l|s\.?p\.?a|b\.v\."
    r"|sp\. z o\.o|ооо)(?!\w)",
    re.I,
)
# What the law wants on a company's letters, on lower-case text; a line with two of them is no sentence.
PARTICULARS = re.compile(
    r"(?:vorst[aä]nd|geschäftsführ|aufsichtsrat|registergericht|amtsgericht|handelsregister|firmensitz"
    r"|sitz der gesellschaft)\w{0,12}(?: \w{1,12})?\s?:|hr[ab] ?\d|ust-?id|steuernummer"
    r"|(?:siret|siren|rcs|capital social|capitale sociale|p\. ?iva|kvk|btw|nip|regon|krs)(?!\w)"
    r"|company (?:no|number)|registered (?:in|office)|vat (?:no|number)"
)
