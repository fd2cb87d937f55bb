"""Text in the charsets that senders use, under the labels that they give it."""

from __future__ import annotations

import base64
import quopri

from tests.mails.mime.case import Case, b64, case, mail, part

GERMAN = "Grüße aus Köln, die Straße ist naß – 5 € für „Käse“."
LATIN = "Grüße aus Köln, die Straße ist naß. Ça va très bien à l'école."
POLISH = "Zażółć gęślą jaźń, proszę o pilną pomoc przy drukarce."
RUSSIAN = "Здравствуйте, принтер на третьем этаже снова не работает."
GREEK = "Καλημέρα, ο εκτυπωτής στον τρίτο όροφο δεν λειτουργεί."
TURKISH = "Merhaba, üçüncü kattaki yazıcı çalışmıyor, teşekkürler."
CHINESE = "您好，三楼的打印机又坏了，请尽快派人来修理，谢谢。"
TRADITIONAL = "您好，三樓的印表機又壞了，請儘快派人來修理，謝謝。"
JAPANESE = "お世話になっております。三階のプリンターが動きません。"
KOREAN = "안녕하세요, 삼층 프린터가 또 고장났습니다. 확인 부탁드립니다."
HEBREW = "שלום, המדפסת בקומה השלישית לא עובדת"
THAI = "สวัสดีครับ เครื่องพิมพ์ชั้นสามเสียอีกแล้ว"
# ISO-2022-JP with a NEC row 13 character (circled one) and the parenthesised 株, which the standard does not have.
NEC_JIS = b"\x1b$B-!-j\x1b(B ok"

DECLARED = [
    ("utf_8", GERMAN, "utf-8", "utf-8"),
    ("utf8_without_hyphen", GERMAN, "utf-8", "utf8"),
    ("utf8_in_quotes", GERMAN, "utf-8", "'UTF-8'"),
    ("latin_1", LATIN, "iso-8859-1", "iso-8859-1"),
    ("latin_9", LATIN + " 5 €", "iso-8859-15", "iso-8859-15"),
    ("windows_1252", GERMAN, "cp1252", "windows-1252"),
    ("latin_2", POLISH, "iso-8859-2", "ISO-8859-2"),
    ("windows_1250", POLISH, "cp1250", "windows-1250"),
    ("koi8_r", RUSSIAN, "koi8-r", "KOI8-R"),
    ("windows_1251", RUSSIAN, "cp1251", "windows-1251"),
    ("cp866", RUSSIAN, "cp866", "ibm866"),
    ("greek", GREEK, "iso-8859-7", "iso-8859-7"),
    ("turkish", TURKISH, "iso-8859-9", "iso-8859-9"),
    ("hebrew", HEBREW, "cp1255", "windows-1255"),
    ("hebrew_logical", HEBREW, "iso-8859-8", "iso-8859-8-i"),
    ("thai", THAI, "cp874", "windows-874"),
    ("gb2312", CHINESE, "gb2312", "gb2312"),
    ("gb18030", CHINESE, "gb18030", "gb18030"),
    ("hz", CHINESE, "hz", "hz-gb-2312"),
    ("big5", TRADITIONAL, "big5", "big5"),
    ("iso_2022_jp", JAPANESE, "iso-2022-jp", "ISO-2022-JP"),
    ("shift_jis", JAPANESE, "shift_jis", "Shift_JIS"),
    ("euc_jp", JAPANESE, "euc-jp", "EUC-JP"),
    ("euc_kr", KOREAN, "euc-kr", "euc-kr"),
    ("ks_c_5601", KOREAN + " 똠방각하", "cp949", "ks_c_5601-1987"),
    ("iso_2022_kr", KOREAN, "iso2022_kr", "iso-2022-kr"),
    ("utf_7", GERMAN, "utf-7", "utf-7"),
    ("utf_16", GERMAN, "utf-16", "utf-16"),
    ("utf_16_without_mark", GERMAN, "utf-16-le", "utf-16"),
    ("mac_roman", LATIN, "mac-roman", "macintosh"),
    ("mac_central_european", POLISH, "mac-latin2", "x-mac-ce"),
    ("code_page_with_hyphen", LATIN, "cp850", "cp-850"),
]
# (name, text, really, label)
WRONG = [
    ("windows_1252_called_latin_1", GERMAN, "cp1252", "iso-8859-1"),
    ("windows_1252_called_ascii", GERMAN, "cp1252", "us-ascii"),
    ("utf_8_called_latin_1", GERMAN, "utf-8", "iso-8859-1"),
    ("utf_8_called_ascii", RUSSIAN, "utf-8", "us-ascii"),
    ("utf_8_called_windows_1252", POLISH, "utf-8", "windows-1252"),
    ("gbk_called_gb2312", CHINESE + "朱镕基", "gbk", "gb2312"),
    ("gbk_called_utf_8", CHINESE * 2, "gbk", "utf-8"),
    ("windows_1251_called_utf_8", RUSSIAN, "cp1251", "utf-8"),
    ("latin_1_called_utf_8", LATIN, "iso-8859-1", "utf-8"),
    ("shift_jis_called_utf_8", JAPANESE * 2, "shift_jis", "utf-8"),
    ("cp932_called_shift_jis", JAPANESE + "①㈱", "cp932", "shift_jis"),
    ("utf_8_called_gb2312", CHINESE, "utf-8", "gb2312"),
    ("utf_8_called_windows_1251", RUSSIAN, "utf-8", "windows-1251"),
    ("utf_8_called_shift_jis", JAPANESE, "utf-8", "shift_jis"),
    ("gbk_that_is_valid_utf_8", "联通", "gbk", "gbk"),
    ("windows_1251_called_latin_1", RUSSIAN, "cp1251", "iso-8859-1"),
    ("koi8_r_called_ascii", RUSSIAN, "koi8-r", "us-ascii"),
    ("greek_called_latin_1", GREEK, "iso-8859-7", "iso-8859-1"),
    ("gbk_called_latin_1", CHINESE * 2, "gbk", "iso-8859-1"),
    ("utf_8_called_iso_2022_jp", JAPANESE, "utf-8", "iso-2022-jp"),
    ("utf_8_called_utf_7", GERMAN, "utf-8", "utf-7"),
    ("label_unknown", GERMAN, "utf-8", "unknown-8bit"),
    ("label_made_up", GERMAN, "utf-8", "x-my-own-charset"),
    ("label_names_a_codec", GERMAN, "utf-8", "base64"),
    ("label_with_more_inside", GERMAN, "cp1252", '"windows-1252; format=flowed"'),
    ("label_is_empty", GERMAN, "utf-8", '""'),
    ("label_is_a_locale", GERMAN, "utf-8", "de_DE.UTF-8"),
]


def cases() -> list[Case]:
    return [*bodies(), *subjects(), *oddities()]


def bodies() -> list[Case]:
    found = []
    for name, text, codec, label in DECLARED:
        raw = mail(b64(text.encode(codec)), f"Content-Type: text/plain; charset={label}",
                   "Content-Transfer-Encoding: base64")  # fmt: skip
        found.append(case(f"charset_{name}", raw, text=text))
    for name, text, codec, label in WRONG:
        raw = mail(quopri.encodestring(text.encode(codec)), f"Content-Type: text/plain; charset={label}",
                   "Content-Transfer-Encoding: quoted-printable")  # fmt: skip
        found.append(case(f"charset_{name}", raw, text=text))
    return found


def subjects() -> list[Case]:
    found = []
    for name, text, codec in [
        ("utf_8", GERMAN, "utf-8"), ("latin_1", LATIN, "iso-8859-1"), ("koi8_r", RUSSIAN, "koi8-r"),
        ("gb2312", CHINESE, "gb2312"), ("iso_2022_jp", JAPANESE, "iso-2022-jp"), ("shift_jis", JAPANESE, "shift_jis"),
        ("euc_kr", KOREAN, "euc-kr"), ("big5", TRADITIONAL, "big5"),
    ]:  # fmt: skip
        encoded = base64.b64encode(text.encode(codec)).decode()
        found.append(case(f"subject_{name}", mail("x", f"Subject: =?{codec}?B?{encoded}?="), subject=text))
    raw_subjects = [
        ("utf_8", GERMAN, "utf-8", None),
        ("big5", "日期：2026年5月6日", "big5", None),
        ("kana", "ログインできません", "cp932", None),
        ("kana_euc_jp", "ログインできません", "euc-jp", None),
        ("french", "Réponse à votre demande", "cp1252", None),
        ("italian", "Città più bella", "cp1252", None),
        ("swedish", "Köp på nätet", "cp1252", None),
        ("spanish", "José Nuñez", "cp1252", None),
        ("polish", "Pytanie dotyczące zamówienia", "cp1250", None),
        ("czech", "Žádost o změnu hesla", "cp1250", None),
        ("russian", "Не работает принтер", "cp1251", None),
        ("greek", "Πρόβλημα με τον εκτυπωτή", "cp1253", None),
        ("latin_1", LATIN, "iso-8859-1", "iso-8859-1"),
        ("windows_1251", RUSSIAN, "cp1251", "windows-1251"),
        ("windows_1251_beside_latin_1", RUSSIAN, "cp1251", "iso-8859-1"),
        ("gbk", CHINESE, "gbk", "gb2312"),
        ("shift_jis", JAPANESE, "shift_jis", "shift_jis"),
    ]
    for name, text, codec, body_charset in raw_subjects:
        fields = [b"Subject: " + text.encode(codec)]
        if body_charset:
            fields.append(f"Content-Type: text/plain; charset={body_charset}".encode())
        found.append(case(f"subject_raw_{name}", mail(text.encode(codec), *fields), subject=text, text=text))
    found.append(case("subject_raw_iso_2022_jp", mail("x", b"Subject: " + JAPANESE.encode("iso-2022-jp")),
                      subject=JAPANESE))  # fmt: skip
    return found


def oddities() -> list[Case]:
    flag = "Wählen Sie 😀 jetzt"
    half = "ｶﾞﾗｽ"
    footer = "Geschäftsführerin: Änne Großmann"
    return [
        case("charset_utf_8_truncated", mail(GERMAN.encode()[:-1] + "é".encode()[:1],
             "Content-Type: text/plain; charset=utf-8"), text=GERMAN[:-1] + "\ufffd"),
        case("charset_utf_8_one_bad_byte", mail(GERMAN.encode() + b" \xff " + RUSSIAN.encode(),
             "Content-Type: text/plain; charset=utf-8"), text=GERMAN + " \ufffd " + RUSSIAN),
        case("charset_utf_8_with_mark", mail(b"\xef\xbb\xbf" + GERMAN.encode(),
             "Content-Type: text/plain; charset=utf-8"), text=GERMAN),
        case("charset_nec_characters", mail(NEC_JIS, "Content-Type: text/plain; charset=iso-2022-jp"), text="①㈱ ok"),
        case("charset_half_width_kana", mail(b"\x1b(I" + bytes(b & 0x7F for b in half.encode("cp932")) + b"\x1b(B",
             "Content-Type: text/plain; charset=iso-2022-jp"), text=half),
        case("charset_jis_not_declared", mail(JAPANESE.encode("iso-2022-jp")), text=JAPANESE),
        case("charset_nul_in_the_label", mail(GERMAN, b"Content-Type: text/plain; charset=utf-8\0"), text=GERMAN),
        case("charset_in_the_meta_tag", mail(f'<html><head><meta http-equiv="Content-Type" content="text/html; '
             f'charset=windows-1251"></head><body>{RUSSIAN}</body></html>'.encode("cp1251"), "Content-Type: text/html"),
             text=RUSSIAN),
        case("charset_in_the_meta_tag_beside_latin_1", mail('<html><head><meta charset="windows-1250"></head><body>'
             f"{POLISH}</body></html>".encode("cp1250"), "Content-Type: text/html; charset=iso-8859-1"), text=POLISH),
        case("charset_utf_8_with_a_footer_in_latin_1", mail(f"{GERMAN}\r\n".encode() + footer.encode("cp1252"),
             "Content-Type: text/plain; charset=utf-8"), text=f"{GERMAN}\n{footer}"),
        case("charset_in_the_xml_declaration", mail(f'<?xml version="1.0" encoding="windows-1251"?><html><body>'
             f"{RUSSIAN}</body></html>".encode("cp1251"), "Content-Type: application/xhtml+xml"), text=RUSSIAN,
             attachments=[]),
        case("subject_raw_gbk_beside_ascii", mail("x", b"Subject: Re: " + CHINESE.encode("gbk"),
             "Content-Type: text/plain; charset=us-ascii"), subject=f"Re: {CHINESE}"),
        case("charset_not_declared_utf_8", mail(RUSSIAN, without=("MIME-Version",)), text=RUSSIAN),
        case("charset_not_declared_windows_1252", mail((GERMAN + " " + LATIN).encode("cp1252")),
             text=GERMAN + " " + LATIN),
        case("charset_not_declared_windows_1251", mail((RUSSIAN * 2).encode("cp1251")), text=RUSSIAN * 2),
        case("charset_not_declared_gbk", mail((CHINESE * 2).encode("gbk")), text=CHINESE * 2),
        case("nul_in_the_body", mail(b"before\0after", "Content-Type: text/plain; charset=utf-8"), text="beforeafter"),
        case("nul_in_the_subject", mail("x", b"Subject: be\0fore"), subject="before"),
        case("surrogates_as_utf_8", mail(b"pair \xed\xa0\xbd\xed\xb8\x80 end",
             "Content-Type: text/plain; charset=utf-8"),
             text="pair 😀 end", attachments=[]),
        case("charset_utf_8_called_utf_16", mail(GERMAN, "Content-Type: text/plain; charset=utf-16"), text=GERMAN),
        case("charset_ascii_called_utf_16", mail("Plain words", "Content-Type: text/plain; charset=utf-16"),
             text="Plain words"),
        case("emoji", mail(part("", "")[:0] + flag.encode(), "Content-Type: text/plain; charset=utf-8"), text=flag),
        case("emoji_in_the_subject", mail("x", "Subject: =?UTF-8?Q?W=C3=A4hlen_Sie_=F0=9F=98=80_jetzt?="),
             subject=flag),
    ]  # fmt: skip
