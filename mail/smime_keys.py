"""S/MIME keys and certificates as PEM holds them, and envelopes opened with them (RFC 8551 §3.3)."""

from __future__ import annotations

from collections.abc import Iterable

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs7


def smime_key(pem: str) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    """(certificate, private key) from PEM that holds both. Raises ValueError for anything else."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    key = load_pem_private_key(pem.encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("only RSA keys open S/MIME mail")
    if key.public_key() != certificate.public_key():
        raise ValueError("the certificate is not the private key's")
    return certificate, key


def certificates(pems: Iterable[str]) -> list[x509.Certificate]:
    """Every certificate in these texts. Raises ValueError where one is none."""
    return [certificate for pem in pems for certificate in x509.load_pem_x509_certificates(pem.encode())]


def decrypt(envelope: bytes, pems: Iterable[str]) -> bytes | None:
    """The entity in a CMS EnvelopedData; None where no key fits."""
    for pem in pems:
        try:
            return pkcs7.pkcs7_decrypt_der(envelope, *smime_key(pem), [])
        except (ValueError, UnsupportedAlgorithm):
            continue
    return None
