"""C2PA: pictures signed with a certificate made here, and read back."""

import io
import json
import sys

import c2pa
import numpy as np
import pytest
from certificates import KEYS, write_identity
from cryptography.hazmat.primitives import serialization
from manifest_files import tree
from PIL import Image

from kerasgen import cli, draw_eyes, lay_smoke, write_dossier
from kerasgen.annotations.dossier import GENERATED, composite_of, type_of_file
from kerasgen.annotations.dossier.signing import PictureSigner
from kerasgen.io.images import read_image
from kerasgen.io.xmp import SOURCE_TYPES, is_signed, source_type, with_source_type


@pytest.fixture(scope="module")
def identities(tmp_path_factory):
    """Certificate chain and key of each algorithm, as PEM files."""
    folder = tmp_path_factory.mktemp("identities")
    found = {name: (folder / f"{name}.pem", folder / f"{name}.key") for name in KEYS}
    for name, paths in found.items():
        write_identity(name, *paths)
    return found


def manifest(path):
    """The active manifest of a picture, and whether its signature holds."""
    with c2pa.Reader(path) as reader:
        store = json.loads(reader.json())
        return store["manifests"][store["active_manifest"]], reader.get_validation_state()


def pixels(folder):
    return {path: np.asarray(Image.open(path)).tobytes() for path in sorted(folder.rglob("*.png"))}


@pytest.mark.parametrize("algorithm", KEYS)
def test_pictures_are_signed_and_read_back(algorithm, identities, eyes):
    chain, key = identities[algorithm]
    before, files = pixels(eyes), tree(eyes)
    found = write_dossier(eyes, certificate=chain, key=key)
    assert (found.signed, found.facts.signed) == (3, 3)
    assert pixels(eyes) == before
    for path in before:
        signed, state = manifest(path)
        assert state == "Valid" and signed["signature_info"]["alg"] == algorithm
        assert signed["title"] == path.name
        (action,) = signed["assertions"][0]["data"]["actions"]
        assert action["action"] == "c2pa.created"
        assert action["digitalSourceType"] == f"{SOURCE_TYPES}algorithmicMedia"
        # The XMP is there as before.
        assert type_of_file(path) == "algorithmicMedia"
    # Digests in metadata.jsonl are those of source files, which are not touched.
    changed = {name for name, content in tree(eyes).items() if content != files[name]}
    assert {name for name in changed if not name.endswith(".png")} == {"README.md"}
    card = (eyes / "README.md").read_text()
    assert "3 pictures hold a signed C2PA manifest" in card
    assert "gives the same pixels again; signatures differ." in card


def test_signed_pictures_are_not_touched_again(identities, eyes, capsys):
    chain, key = identities["Es256"]
    words = ["dossier", str(eyes), "--sign_certificate", str(chain), "--sign_key", str(key)]
    assert cli.run(words) == 0 and "3 are signed (3 new)" in capsys.readouterr().out
    signed = tree(eyes)
    assert cli.run(words) == 0 and "3 are signed (0 new)" in capsys.readouterr().out
    assert tree(eyes) == signed
    # The last block of a folder that grows is made again: what is not signed is signed then.
    draw_eyes(eyes, 5, size=16)
    unsigned = [path for path in eyes.glob("images/*.png") if not is_signed(path.read_bytes())]
    assert write_dossier(eyes, certificate=chain, key=key).signed == len(unsigned)
    assert all(is_signed(path.read_bytes()) for path in eyes.rglob("*.png"))


def test_a_changed_picture_is_found_out(identities, eyes):
    chain, key = identities["Es256"]
    write_dossier(eyes, certificate=chain, key=key)
    path = eyes / "images/000001.png"
    content = path.read_bytes()
    start = content.index(b"algorithmicMedia")
    path.write_bytes(content[:start] + b"digitalCaptureXX" + content[start + 16 :])
    assert manifest(path)[1] == "Invalid"
    np.testing.assert_array_equal(read_image(eyes / "images/000000.png").shape, (16, 16, 3))


def test_what_cannot_sign_is_refused_before_any_picture(identities, eyes, tmp_path):
    chain, key = identities["Es256"]
    before = tree(eyes)
    locked = tmp_path / "locked.key"
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    locked.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"x"),
        )
    )
    for wrong in ((chain, identities["Ps256"][1]), (key, key), (chain, chain), (chain, locked)):
        with pytest.raises(ValueError, match="cannot sign .*Received: certificate=.*key="):
            write_dossier(eyes, certificate=wrong[0], key=wrong[1])
    with pytest.raises(ValueError, match="No access.*none.pem"):
        write_dossier(eyes, certificate=tmp_path / "none.pem", key=key)
    assert tree(eyes) == before


def test_nothing_is_signed_as_something_that_is_not_known(identities, eyes, tmp_path):
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    Image.new("RGB", (20, 20)).save(photographs / "0.jpg")
    chain, key = identities["Es256"]
    with pytest.raises(ValueError, match="pass `source_type`.*0.jpg"):
        write_dossier(photographs, certificate=chain, key=key)
    write_dossier(photographs, source_type="digitalCapture")
    # A signature states what the picture does.
    found = write_dossier(photographs, source_type="print", certificate=chain, key=key)
    assert found.facts.signed == 1
    signed, state = manifest(photographs / "0.jpg")
    (action,) = signed["assertions"][0]["data"]["actions"]
    assert action["digitalSourceType"] == f"{SOURCE_TYPES}digitalCapture" and state == "Valid"
    # Whoever made it, kerasgen did not.
    assert action["action"] == "c2pa.opened" and "softwareAgent" not in action
    (parent,) = signed["ingredients"]
    assert (parent["relationship"], parent["title"]) == ("parentOf", "0.jpg")


def signed_by_another(identities, path, *types):
    """A picture without XMP whose manifest states digital source types."""
    Image.new("RGB", (20, 20)).save(path)
    chain, key = identities["Es256"]
    signer = PictureSigner(chain, key)
    kind = Image.MIME[Image.registered_extensions()[path.suffix]]
    actions = [{"action": "c2pa.created", "digitalSourceType": types[0]}]
    actions += [{"action": "c2pa.edited", "digitalSourceType": each} for each in types[1:]]
    assertion = {"label": "c2pa.actions.v2", "data": {"actions": actions}}
    manifest = {"claim_generator_info": [{"name": "other"}], "assertions": [assertion]}
    result = io.BytesIO()
    with c2pa.Builder.from_json(json.dumps(manifest), signer._context) as builder:
        builder.sign(signer._signer, kind, io.BytesIO(path.read_bytes()), result)
    path.write_bytes(result.getvalue())
    return path


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_manifests_of_others_state_how_a_picture_was_made(
    ending, identities, tmp_path, monkeypatch
):
    trained, drawn = (f"{SOURCE_TYPES}{each}" for each in (GENERATED, "algorithmicMedia"))
    folder = tmp_path / "generated"
    folder.mkdir()
    path = signed_by_another(identities, folder / f"0.{ending}", trained)
    assert source_type(path.read_bytes()) is None and type_of_file(path) == GENERATED
    two = signed_by_another(identities, tmp_path / f"1.{ending}", drawn, trained)
    assert type_of_file(two) == "compositeSynthetic"
    lay_smoke(folder, tmp_path / "smoke")
    assert type_of_file(tmp_path / "smoke/images/000000.png") == "compositeSynthetic"
    found = write_dossier(folder, source_type="digitalCapture")
    assert found.facts.source_types == {GENERATED: 1} and not found.marked and not found.unmarked
    # Without c2pa-python nobody knows: not all of it was captured from real life.
    monkeypatch.setitem(sys.modules, "c2pa", None)
    assert type_of_file(path) == "composite"
    assert composite_of([None, type_of_file(path)]) == "composite"
    assert "is signed already" in str(write_dossier(folder, source_type="digitalCapture"))


def test_a_type_of_another_vocabulary_is_stated_as_it_is(identities, eyes):
    chain, key = identities["Es256"]
    path = eyes / "images/000000.png"
    path.write_bytes(with_source_type(path.read_bytes(), "http://example.org/x"))
    write_dossier(eyes, certificate=chain, key=key)
    (action,) = manifest(path)[0]["assertions"][0]["data"]["actions"]
    assert action["digitalSourceType"] == "http://example.org/x"
    described = json.loads((eyes / "croissant.json").read_text())
    stated = described["prov:wasGeneratedBy"]["sc:digitalSourceType"]
    assert stated == [f"{SOURCE_TYPES}algorithmicMedia", "http://example.org/x"]
