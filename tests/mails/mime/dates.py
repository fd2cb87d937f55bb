"""The Date field as programs write it."""

from __future__ import annotations

from tests.mails.mime.case import Case, case, mail

# (name, Date, ISO 8601 in the sender's offset)
DATES = [
    ("standard", "Fri, 20 Nov 2026 11:22:33 +0100", "2026-11-20T11:22:33+01:00"),
    ("west", "Fri, 20 Nov 2026 11:22:33 -0330", "2026-11-20T11:22:33-03:30"),
    ("without_weekday", "20 Nov 2026 11:22:33 +0000", "2026-11-20T11:22:33+00:00"),
    ("without_seconds", "Fri, 20 Nov 2026 11:22 +0100", "2026-11-20T11:22:00+01:00"),
    ("comment", "Fri, 20 Nov 2026 11:22:33 +0100 (CET)", "2026-11-20T11:22:33+01:00"),
    ("gmt", "Fri, 20 Nov 2026 11:22:33 GMT", "2026-11-20T11:22:33+00:00"),
    ("est", "Fri, 20 Nov 2026 11:22:33 EST", "2026-11-20T11:22:33-05:00"),
    ("cest", "Fri, 17 Jul 2026 11:22:33 CEST", "2026-07-17T11:22:33+02:00"),
    ("unknown_offset", "Fri, 20 Nov 2026 11:22:33 -0000", "2026-11-20T11:22:33+00:00"),
    ("zone_missing", "Fri, 20 Nov 2026 11:22:33", "2026-11-20T11:22:33+00:00"),
    ("two_digit_year", "20 Nov 26 11:22:33 +0100", "2026-11-20T11:22:33+01:00"),
    ("last_century", "20 Nov 97 11:22:33 +0100", "1997-11-20T11:22:33+01:00"),
    ("single_digits", "Sun, 1 Nov 2026 1:02:03 +0100", "2026-11-01T01:02:03+01:00"),
    ("folded", "Fri,\r\n 20 Nov 2026\r\n 11:22:33 +0100", "2026-11-20T11:22:33+01:00"),
    ("asctime", "Fri Nov 20 11:22:33 2026", "2026-11-20T11:22:33+00:00"),
    ("iso", "2026-11-20T11:22:33+01:00", "2026-11-20T11:22:33+01:00"),
    ("iso_zulu", "2026-11-20T11:22:33Z", "2026-11-20T11:22:33+00:00"),
    ("iso_with_space", "2026-11-20 11:22:33 +0100", "2026-11-20T11:22:33+01:00"),
    ("leap_second", "Fri, 20 Nov 2026 23:59:60 +0000", "2026-11-20T23:59:59+00:00"),
    ("offset_impossible", "Fri, 20 Nov 2026 11:22:33 +9999", "2026-11-20T11:22:33+00:00"),
    ("offset_with_colon", "Fri, 20 Nov 2026 11:22:33 +01:00", "2026-11-20T11:22:33+01:00"),
    ("gmt_plus", "Fri, 20 Nov 2026 11:22:33 GMT+0100", "2026-11-20T11:22:33+01:00"),
    ("dots", "Fri, 20 Nov 2026 11.22.33 +0100", "2026-11-20T11:22:33+01:00"),
    ("afternoon", "Fri, 20 Nov 2026 01:22:33 PM +0100", "2026-11-20T13:22:33+01:00"),
    ("hyphens", "20-Nov-2026 11:22:33 +0100", "2026-11-20T11:22:33+01:00"),
    ("german_month", "Fr, 20 Dez 2026 11:22:33 +0100", "2026-12-20T11:22:33+01:00"),
    ("comment_inside", "Fri, 20 (twenty) Nov 2026 11:22:33 +0100", "2026-11-20T11:22:33+01:00"),
    ("utc_plus_with_colon", "Fri, 20 Nov 2026 11:22:33 UTC+01:00", "2026-11-20T11:22:33+01:00"),
    ("offset_of_hours", "Fri, 20 Nov 2026 11:22:33 +01", "2026-11-20T11:22:33+01:00"),
    ("iso_offset_of_hours", "2026-11-20 11:22:33+01", "2026-11-20T11:22:33+01:00"),
    ("month_first", "Nov 20, 2026 1:22:33 PM -0500", "2026-11-20T13:22:33-05:00"),
    ("asctime_with_a_zone", "Fri Nov 20 11:22:33 CET 2026", "2026-11-20T11:22:33+01:00"),
    ("asctime_with_an_offset", "Fri Nov 20 11:22:33 2026 +0100", "2026-11-20T11:22:33+01:00"),
    ("gmt_plus_an_hour", "Fri, 20 Nov 2026 11:22:33 GMT+1", "2026-11-20T11:22:33+01:00"),
    ("numbers_in_the_afternoon", "11/20/2026 1:22:33 PM +0100", "2026-11-20T13:22:33+01:00"),
    ("iso_basic", "20261120T112233Z", "2026-11-20T11:22:33+00:00"),
    ("iso_slashes", "2026/11/20 11:22:33 +0100", "2026-11-20T11:22:33+01:00"),
    ("unix_time", "1795170153", "2026-11-20T10:22:33+00:00"),
    ("japanese", "2026年11月20日 11:22:33 +0900", "2026-11-20T11:22:33+09:00"),
    ("chinese_month", "星期五, 20 十一月 2026 11:22:33 +0800", "2026-11-20T11:22:33+08:00"),
    ("japanese_month", "金, 20 11月 2026 11:22:33 +0900", "2026-11-20T11:22:33+09:00"),
    ("spanish_words", "viernes, 20 de noviembre de 2026 11:22:33 +0100", "2026-11-20T11:22:33+01:00"),
    ("day_only", "Fri, 20 Nov 2026", "2026-11-20T00:00:00+00:00"),
    ("day_only_iso", "2026-11-20", "2026-11-20T00:00:00+00:00"),
    ("compact", "20261120112233", "2026-11-20T11:22:33+00:00"),
    ("milliseconds", "1795170153000", "2026-11-20T10:22:33+00:00"),
    ("ordinal", "Friday, November 20th, 2026 11:22 AM +0100", "2026-11-20T11:22:00+01:00"),
    ("full_width", "Fri, 20 Nov 2026 11：22：33 +0800", "2026-11-20T11:22:33+08:00"),
    ("long_month", "Friday, 20 November 2026 11:22:33 +0100", "2026-11-20T11:22:33+01:00"),
]
RECEIVED = "Received: from a.example.com by b.example.org with ESMTP id 1; Fri, 20 Nov 2026 12:00:00 +0200"


def cases() -> list[Case]:
    return [
        *(case(f"date_{name}", mail("x", f"Date: {value}"), date=iso, problems=[]) for name, value, iso in DATES),
        case("date_missing", mail("x", RECEIVED, without=("Date",)), date="2026-11-20T12:00:00+02:00",
             problems=["missing_date"]),
        case("date_unreadable", mail("x", RECEIVED, "Date: yesterday at noon"), date="2026-11-20T12:00:00+02:00",
             problems=["bad_date"]),
        case("date_impossible", mail("x", RECEIVED, "Date: Fri, 31 Feb 2026 11:22:33 +0100"),
             date="2026-11-20T12:00:00+02:00", problems=["bad_date"]),
        case("date_nowhere", mail("x", without=("Date",)), date=None, problems=["missing_date"]),
        case("date_overflow", mail("x", "Date: Fri, 20 Nov 99999999999999999999 11:22:33 +0100"), date=None,
             problems=["bad_date"]),
    ]  # fmt: skip
