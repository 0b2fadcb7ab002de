"""Certificates to sign pictures with, made for a test."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

KEYS = {
    "Es256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "Es384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "Ps256": lambda: rsa.generate_private_key(65537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}


def certificate(name, key, issuer=None, issuer_key=None):
    """A certificate for signing documents, or, without an issuer, a root."""
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    own = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test"),
        ]
    )
    signing_key = issuer_key or key
    is_root = issuer is None
    usage = dict.fromkeys(
        (
            "content_commitment key_encipherment data_encipherment key_agreement encipher_only "
            "decipher_only"
        ).split(),
        False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(own if is_root else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(is_root, None), True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not is_root, key_cert_sign=is_root, crl_sign=is_root, **usage
            ),
            True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), False
        )
    )
    if not is_root:
        purposes = [ExtendedKeyUsageOID.EMAIL_PROTECTION]
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), False)
    algorithm = None if isinstance(signing_key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(signing_key, algorithm)


def write_identity(algorithm, chain_path, key_path):
    """Writes a certificate chain and its private key as PEM files."""
    root_key, key = KEYS["Es256"](), KEYS[algorithm]()
    root = certificate("Test root", root_key)
    chain = (certificate("Test signer", key, root, root_key), root)
    pem = serialization.Encoding.PEM
    chain_path.write_bytes(b"".join(each.public_bytes(pem) for each in chain))
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key_path.write_bytes(key.private_bytes(pem, *form))
