"""Keys and certificates of a control plane of tests."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

AUTHORITY = "towpath-tests"


def write_all(folder: Path) -> None:
    """An authority (`ca`), API server and administrator (`server`, `admin`) that it signs, and the key that signs accounts' tokens."""
    ca_key = _key(folder / "ca.key")
    (folder / "ca.crt").write_bytes(_certificate(AUTHORITY, ca_key, AUTHORITY, ca_key, authority=True))
    issue(folder, folder / "server", "kube-apiserver")
    issue(folder, folder / "admin", "admin", "system:masters")
    _key(folder / "accounts.key")


def issue(folder: Path, name: Path, who: str, group: str | None = None) -> None:
    """A key and a certificate that the authority of a folder signs: `name` with `.key` and `.crt`."""
    ca_key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
    key = _key(name.with_suffix(".key"))
    name.with_suffix(".crt").write_bytes(_certificate(who, key, AUTHORITY, ca_key, group=group))


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.TraditionalOpenSSL  # the API server reads no other one of accounts
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    path.chmod(0o600)
    return key


def _certificate(
    who: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    signer: ec.EllipticCurvePrivateKey,
    *,
    group: str | None = None,
    authority: bool = False,
) -> bytes:
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.NameAttribute(NameOID.COMMON_NAME, who), *([x509.NameAttribute(NameOID.ORGANIZATION_NAME, group)] if group else [])]
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(names))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if authority:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        made = made.add_extension(usage, critical=True)
    else:
        made = made.add_extension(alternative, critical=False)
    return made.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
