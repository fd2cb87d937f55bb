"""Standard Webhooks signatures, held against the specification's own example."""

from __future__ import annotations

import base64

import pytest

from domain import standard_webhooks
from domain.standard_webhooks import TOLERANCE, BadSignature, claim, sign

SECRET = "whsec_" + base64.b64encode(bytes(range(24))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(1, 25))).decode()
NOW = 1_700_000_000
BODY = b"From: alice@example.com\r\n\r\nHello \xff\x00"


def verify(secret: str, given: dict[str, str], body: bytes, *, now: float) -> str:
    claimed = claim(given, now=now)
    standard_webhooks.verify(claimed, [secret], body)
    return claimed.webhook_id


def headers(secret: str = SECRET, *, at: int = NOW, webhook_id: str = "msg_1", body: bytes = BODY) -> dict[str, str]:
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(at),
        "webhook-signature": sign(secret, webhook_id, at, body),
    }


def test_the_published_example_verifies() -> None:
    """The test vector of the reference implementations."""
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == signature


def test_an_authentic_request_gives_its_id() -> None:
    assert verify(SECRET, headers(), BODY, now=NOW) == "msg_1"


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_one_of_several_signatures_is_enough_while_a_secret_is_rotated(order: list[int]) -> None:
    both = [headers(secret)["webhook-signature"] for secret in (OTHER, SECRET)]
    given = headers() | {"webhook-signature": " ".join(both[n] for n in order)}
    assert verify(SECRET, given, BODY, now=NOW) == "msg_1"


@pytest.mark.parametrize("off", [-TOLERANCE, 0, TOLERANCE])
def test_clocks_may_be_five_minutes_apart(off: int) -> None:
    assert verify(SECRET, headers(at=NOW + off), BODY, now=NOW) == "msg_1"


@pytest.mark.parametrize("off", [-TOLERANCE - 1, TOLERANCE + 1, -10 * TOLERANCE])
def test_an_older_or_a_future_request_is_refused_though_its_signature_is_right(off: int) -> None:
    with pytest.raises(BadSignature, match="five minutes"):
        verify(SECRET, headers(at=NOW + off), BODY, now=NOW)


@pytest.mark.parametrize(
    "tampered",
    [{"webhook-id": "msg_2"}, {"webhook-timestamp": str(NOW + 1)}, {"webhook-signature": "v1,AAAA"}],
    ids=["another id", "another time", "another signature"],
)
def test_what_is_signed_cannot_be_exchanged(tampered: dict[str, str]) -> None:
    with pytest.raises(BadSignature, match="does not match"):
        verify(SECRET, headers() | tampered, BODY, now=NOW)


@pytest.mark.parametrize("body", [b"", BODY + b" ", BODY.lower()])
def test_another_body_is_refused(body: bytes) -> None:
    with pytest.raises(BadSignature, match="does not match"):
        verify(SECRET, headers(), body, now=NOW)


def test_another_mailboxs_secret_is_refused() -> None:
    with pytest.raises(BadSignature, match="does not match"):
        verify(SECRET, headers(OTHER), BODY, now=NOW)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_request_without_one_of_the_headers_is_refused(missing: str) -> None:
    given = headers()
    del given[missing]
    with pytest.raises(BadSignature, match=missing):
        verify(SECRET, given, BODY, now=NOW)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("webhook-timestamp", "soon"),
        ("webhook-timestamp", "-1700000000"),
        ("webhook-timestamp", "1e9"),
        ("webhook-timestamp", "\u0661\u0662"),
        ("webhook-timestamp", "9" * 5000),
        ("webhook-id", "x" * 201),
        ("webhook-id", "caf\u00e9"),
        ("webhook-signature", ""),
        ("webhook-signature", "v1"),
        ("webhook-signature", "v1," + "\u00e9" * 20),
        ("webhook-signature", " " * 10_000),
    ],
)
def test_a_malformed_header_is_refused_and_nothing_worse(header: str, value: str) -> None:
    with pytest.raises(BadSignature):
        verify(SECRET, headers() | {header: value}, BODY, now=NOW)


def test_a_flood_of_signatures_is_not_tried_for_ever() -> None:
    flood = " ".join(["v1,AAAA"] * 10 + [headers()["webhook-signature"]])
    with pytest.raises(BadSignature):
        verify(SECRET, headers() | {"webhook-signature": flood}, BODY, now=NOW)


def test_either_of_two_secrets_may_have_signed() -> None:
    for secret in (SECRET, OTHER):
        standard_webhooks.verify(claim(headers(secret), now=NOW), [SECRET, OTHER], BODY)


def test_an_unsigned_scheme_is_not_taken_for_a_signature() -> None:
    value = headers()["webhook-signature"].replace("v1,", "v1a,")
    with pytest.raises(BadSignature):
        verify(SECRET, headers() | {"webhook-signature": value}, BODY, now=NOW)


@pytest.mark.parametrize("secret", ["", "MfKQ9r8GKYqrTwjU", "whsec_not base64!", "WHSEC_AAAA"])
def test_a_malformed_secret_is_a_fault_of_ours_and_authenticates_nobody(secret: str) -> None:
    with pytest.raises(ValueError, match="webhook secret"):
        sign(secret, "msg_1", NOW, BODY)
