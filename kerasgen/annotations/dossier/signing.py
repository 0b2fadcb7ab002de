"""Signed C2PA manifests in picture files, with the user's own certificate.

Specification: https://spec.c2pa.org/specifications/specifications/2.2/specs/C2PA_Specification.html.
"""

from __future__ import annotations

import io
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

import kerasgen
from kerasgen.io.files import access_to
from kerasgen.io.images import PathLike
from kerasgen.io.sheets import encode_png
from kerasgen.io.xmp import source_type_term, source_type_uri

_SETTINGS = {
    # A thumbnail would be as large as most pictures.
    "builder": {"thumbnail": {"enabled": False}},
    # Whether the certificate is trusted is for the reader to decide.
    "verify": {
        "verify_trust": False,
        "verify_timestamp_trust": False,
        "remote_manifest_fetch": False,
    },
}
_PROBE_SIDE = 16
_PARENT = "parent"


class PictureSigner:
    """Signs pictures; a trial signature at the start shows whether certificate and key fit.

    Args:
        certificate: PEM file of the certificate, then those that lead to its root.
        key: PEM file of its private key without a password: ECDSA, RSA or Ed25519.

    Raises:
        ValueError: If ``c2pa-python`` is missing, or one of the two cannot be used.
    """

    def __init__(self, certificate: PathLike, key: PathLike) -> None:
        try:
            import c2pa
            import cryptography.hazmat.primitives.serialization as keys
        except ImportError as error:
            raise ValueError(
                "Signing needs c2pa-python: pip install 'kerasgen-zoo[provenance]'. "
                f"Received: certificate={str(certificate)!r}"
            ) from error
        received = f"Received: certificate={str(certificate)!r}, key={str(key)!r}"
        with access_to(certificate):
            chain = Path(certificate).read_bytes()
        with access_to(key):
            text = Path(key).read_bytes()
        try:
            private = keys.load_pem_private_key(text, None)
            plain = private.private_bytes(
                keys.Encoding.PEM, keys.PrivateFormat.PKCS8, keys.NoEncryption()
            )
            info = c2pa.C2paSignerInfo(_algorithm(private), chain, plain, None)
            self._c2pa, self._signer = c2pa, c2pa.Signer.from_info(info)
            self._context = _context(c2pa)
            probe = encode_png(np.zeros((_PROBE_SIDE, _PROBE_SIDE, 3), np.uint8))
            self.signed(probe, "image/png", "algorithmicMedia", "probe.png", new=True)
        except (TypeError, ValueError, c2pa.C2paError) as error:
            raise ValueError(
                f"Certificate and key cannot sign ({error}): pass PEM files of a certificate for "
                f"C2PA, with its chain, and of its private key without a password. {received}"
            ) from error

    def signed(self, content: bytes, kind: str, made: str, name: str, *, new: bool) -> bytes:
        """Adds a signed manifest to a picture; its pixels are kept.

        Args:
            content: The bytes of the file.
            kind: Its media type, such as ``image/png``.
            made: Its digital source type.
            name: Its title in the manifest.
            new: Whether kerasgen made it; else the manifest says that it was opened, not created.

        Returns:
            The bytes of the file with the manifest; they differ in every call, as signatures do.

        Raises:
            ValueError: If it cannot be signed.
        """
        software = {"name": "kerasgen", "version": kerasgen.__version__}
        action: dict[str, Any] = {"digitalSourceType": source_type_uri(made)}
        if new:
            action |= {"action": "c2pa.created", "softwareAgent": software}
        else:
            action |= {"action": "c2pa.opened", "parameters": {"ingredientIds": [_PARENT]}}
        manifest = {
            "claim_generator_info": [software],
            "title": name,
            "format": kind,
            "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
        }
        result = io.BytesIO()
        try:
            with self._c2pa.Builder.from_json(json.dumps(manifest), self._context) as builder:
                if not new:
                    parent = {"title": name, "relationship": "parentOf", "label": _PARENT}
                    builder.add_ingredient(json.dumps(parent), kind, io.BytesIO(content))
                builder.sign(self._signer, kind, io.BytesIO(content), result)
        except self._c2pa.C2paError as error:
            raise ValueError(f"The picture cannot be signed: {error}. Received: {name=}") from error
        return result.getvalue()


def manifest_types(content: bytes) -> set[str]:
    """The digital source types in the C2PA manifests of a picture, and of all that went into it.

    Args:
        content: The bytes of a PNG, JPEG or WebP file.

    Returns:
        The terms; none if ``c2pa-python`` is missing, or the manifests cannot be read.
    """
    try:
        import c2pa
    except ImportError:
        return set()
    kind = {b"\x89P": "image/png", b"\xff\xd8": "image/jpeg"}.get(content[:2], "image/webp")
    found = set()
    with suppress(c2pa.C2paError, AttributeError, KeyError, TypeError):
        with c2pa.Reader(kind, io.BytesIO(content), context=_context(c2pa)) as reader:
            manifests = json.loads(reader.json())["manifests"]
        for manifest in manifests.values():
            for assertion in manifest["assertions"]:
                if assertion["label"].startswith("c2pa.actions"):
                    uris = {each.get("digitalSourceType") for each in assertion["data"]["actions"]}
                    found |= {source_type_term(uri) for uri in uris if uri}
    return found


def _context(c2pa: Any) -> Any:
    return c2pa.Context.from_dict(_SETTINGS)


def _algorithm(key: Any) -> str:
    """C2PA's name of the signature algorithm of a private key."""
    if hasattr(key, "curve"):
        return {256: "es256", 384: "es384", 521: "es512"}[key.curve.key_size]
    return "ps256" if hasattr(key, "private_numbers") else "ed25519"
