"""The kinds of malformed requests of ``malformed_requests``, each drawn from a random generator."""

from __future__ import annotations

import functools
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image
from tensorflow_serving.apis import predict_pb2

SIDE = 24
FILES, FLOATS, LABELS, LATENTS = "image_bytes", "images", "label", "latent"
CLASSIFIER, GENERATOR = "classifier", "generator"


class Case(NamedTuple):
    """One request.

    Attributes:
        request: A ``PredictRequest``, bytes that are none, or the path and body of a REST request.
        must_fail: Whether no answer is right; otherwise that of the model called directly is.
        inputs: Arrays to call the model with directly.
        must_answer: Whether a refusal is wrong.
    """

    request: Any
    must_fail: bool = True
    inputs: dict[str, np.ndarray] | None = None
    must_answer: bool = False


Draw = Callable[[np.random.Generator], Case]


def predict(model: str, signature: str = "", **inputs: Any) -> predict_pb2.PredictRequest:
    """A request; an input is a tensor, or what becomes one."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    for name, value in inputs.items():
        proto = value if hasattr(value, "tensor_shape") else tf.make_tensor_proto(value)
        request.inputs[name].CopyFrom(proto)
    return request


def files(*contents: bytes, must_fail: bool = True) -> Case:
    """A request with some files."""
    array = np.array([*contents, None], object)[:-1]
    request = predict(CLASSIFIER, image_bytes=list(contents))
    return Case(request, must_fail, {FILES: array})


@functools.cache
def good(kind: str, number: int = 0) -> bytes:
    """A file that every model takes."""
    pixels = np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, data: bytes, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG file with any header."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = chunk(b"IHDR", header) + (chunk(b"IDAT", data) if data else b"") + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@functools.cache
def png_bomb(side: int) -> bytes:
    """Black, ``side`` squared, in a few kilobytes."""
    packer, row = zlib.compressobj(9), bytes(1 + 3 * side)
    return png(side, side, b"".join([*(packer.compress(row) for _ in range(side)), packer.flush()]))


def patched(kind: str, place: int, body: bytes) -> bytes:
    """A good file with other bytes at a place."""
    data = good(kind)
    return data[:place] + body + data[place + len(body) :]


def jpeg_sides(height: int, width: int) -> bytes:
    """A JPEG file whose header states other sides."""
    place = good("JPEG").index(b"\xff\xc0") + 5
    return patched("JPEG", place, struct.pack(">HH", height, width))


def webp_extended(width: int, height: int, flags: int = 0) -> bytes:
    """A WebP file with an extended header."""
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<II", 10, flags) + sides + good("WEBP")[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_lossless(side: int) -> bytes:
    """A WebP file with a lossless header and nothing else."""
    packed = struct.pack("<I", (side - 1) | ((side - 1) << 14))
    body = b"WEBPVP8L" + struct.pack("<I", 6) + b"\x2f" + packed + b"\0"
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bmp_field(place: int, value: int, size: str = "<i") -> bytes:
    """A BMP file with another number in its header."""
    return patched("BMP", place, struct.pack(size, value))


def bmp_palette(used: int, offset: int) -> bytes:
    """A BMP file with 256 colours that states other numbers."""
    stream = io.BytesIO()
    Image.fromarray(np.full((SIDE, SIDE), 200, np.uint8)).save(stream, "BMP")
    data = bytearray(stream.getvalue())
    data[46:50], data[10:14] = struct.pack("<i", used), struct.pack("<I", offset)
    return bytes(data)


def exif_loop(random: np.random.Generator) -> bytes:
    """A JPEG file whose EXIF directory has any length and points anywhere."""
    directory = random.bytes(int(random.integers(2, 60)))
    start = struct.pack("<I", int(random.integers(0, 2**32)) if random.random() < 0.5 else 8)
    body = b"Exif\0\0II*\0" + start + b"\xff\xff" + directory
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    return good("JPEG")[:2] + segment + good("JPEG")[2:]


def zipped(kind: str) -> bytes:
    """A good file that is a ZIP archive, too."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.txt", "text")
    return good(kind) + stream.getvalue()


def moving(kind: str) -> bytes:
    """An animation of two frames."""
    frames = [Image.new("RGB", (SIDE, SIDE), each) for each in ("red", "blue")]
    stream = io.BytesIO()
    frames[0].save(stream, kind, save_all=True, append_images=frames[1:])
    return stream.getvalue()


def saved(kind: str) -> bytes:
    """A still picture of another kind."""
    stream = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), "red").save(stream, kind)
    return stream.getvalue()


def cut(kind: str) -> Draw:
    """A file that ends early."""
    return lambda random: files(good(kind)[: random.integers(1, len(good(kind)))], must_fail=False)


def flipped(kind: str) -> Draw:
    """A file with one other bit."""

    def draw(random: np.random.Generator) -> Case:
        data = bytearray(good(kind, int(random.integers(4))))
        data[random.integers(len(data))] ^= 1 << int(random.integers(8))
        return files(bytes(data), must_fail=False)

    return draw


def file(content: Callable[[], bytes] | bytes, must_fail: bool = True) -> Draw:
    """The same file each time."""
    return lambda _: files(
        content if isinstance(content, bytes) else content(), must_fail=must_fail
    )


def request(model: str, signature: str = "", **inputs: Any) -> Draw:
    """The same tensors each time."""
    return lambda _: Case(predict(model, signature, **inputs))


def generated(seed: Any, label: Any) -> Draw:
    """Seeds and labels of a generator."""
    seeds, labels = np.asarray(seed, np.int64), np.asarray(label)
    return lambda _: Case(predict(GENERATOR, seed=seeds, label=labels))


def rest(model: str, body: Any) -> Draw:
    """A body sent to the REST."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda _: Case((f"/v1/models/{model}:predict", content))


def one_bad_in_eight(random: np.random.Generator) -> Case:
    """Seven good files and random bytes."""
    contents = [good("PNG", number) for number in range(8)]
    contents[random.integers(8)] = random.bytes(100)
    return files(*contents)


def shapeless(sizes: list[int]) -> Draw:
    """A tensor whose shape is not that of its content."""
    proto = tf.make_tensor_proto([good("PNG")])
    del proto.tensor_shape.dim[:]
    for size in sizes:
        proto.tensor_shape.dim.add().size = size
    return lambda _: Case(predict(CLASSIFIER, image_bytes=proto))


def filtered(_: np.random.Generator) -> Case:
    """An output that there is not."""
    asked = predict(CLASSIFIER, image_bytes=[good("PNG")])
    asked.output_filter.append("none")
    return Case(asked)


def empty(_: np.random.Generator) -> Case:
    """No row: the answer has none, too."""
    none = np.empty(0, object)
    proto = tf.make_tensor_proto(none, tf.string, [0])
    return Case(predict(CLASSIFIER, image_bytes=proto), False, {FILES: none}, must_answer=True)


def random_bytes(random: np.random.Generator) -> Case:
    """Nothing but chance."""
    return files(random.bytes(int(random.integers(1, 4096))))


def random_after(start: bytes) -> Draw:
    """The start of a format, and chance."""
    return lambda random: files(start + random.bytes(int(random.integers(0, 500))))


IMAGES = np.zeros((2, SIDE, SIDE, 3), np.float32)
ORDINARY = {"seed": 1, "label": 0}

KINDS: dict[str, Draw] = {
    "empty file": file(b""),
    "one byte": lambda random: files(random.bytes(1)),
    "random bytes": random_bytes,
    "text": file(b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "PNG signature, random": random_after(b"\x89PNG\r\n\x1a\n"),
    "JPEG signature, random": random_after(b"\xff\xd8\xff\xe0"),
    "WebP signature, random": random_after(b"RIFF\xff\xff\xff\xffWEBPVP8 "),
    "BMP signature, random": random_after(b"BM"),
    **{f"{kind} cut off": cut(kind) for kind in ("PNG", "JPEG", "WEBP", "BMP")},
    **{f"{kind}, one bit flipped": flipped(kind) for kind in ("PNG", "JPEG", "WEBP", "BMP")},
    "PNG bomb, 15,000 squared": file(lambda: png_bomb(15_000)),
    "PNG of 7,900 squared": file(lambda: png_bomb(7_900), must_fail=False),
    "PNG header, 2**31 - 1 squared": file(png(2**31 - 1, 2**31 - 1, b"x")),
    "PNG header, 2**16 squared": file(png(2**16, 2**16, zlib.compress(bytes(100)))),
    "PNG of no width": file(png(0, 8, zlib.compress(bytes(8)))),
    "PNG without data": file(png(8, 8, b"")),
    "PNG, short data": file(png(SIDE, SIDE, zlib.compress(b"0")), must_fail=False),
    "PNG, wrong checksum": file(lambda: patched("PNG", 29, b"\0\0\0\0"), must_fail=False),
    "PNG, chunk of 4 GB": file(lambda: patched("PNG", 33, b"\xff" * 4)),
    "PNG of unknown colour type": file(png(8, 8, zlib.compress(bytes(200)), 8, 5)),
    "PNG, 1 x 60,000": file(
        lambda: png(1, 60_000, zlib.compress(bytes(4 * 60_000))), must_fail=False
    ),
    "JPEG header, 65,535 squared": file(lambda: jpeg_sides(65_535, 65_535)),
    "JPEG of no height": file(lambda: jpeg_sides(0, SIDE)),
    "JPEG, endless filling": file(b"\xff\xd8" + b"\xff" * 100_000),
    "JPEG, wild EXIF": lambda random: files(exif_loop(random), must_fail=False),
    "WebP header, 2**24 squared": file(lambda: webp_extended(2**24, 2**24)),
    "WebP header, 16,384 squared": file(webp_lossless(16_384)),
    "WebP, other sides in header": file(lambda: webp_extended(100, 100), must_fail=False),
    "WebP, animated": file(lambda: moving("WEBP")),
    "RIFF, but a sound": file(b"RIFF\x24\0\0\0WAVEfmt " + bytes(20)),
    "BMP header, 30,000 squared": file(
        lambda: patched("BMP", 18, struct.pack("<ii", 30000, 30000))
    ),
    "BMP of the lowest height": file(lambda: bmp_field(22, -(2**31))),
    "BMP of no width": file(lambda: bmp_field(18, 0)),
    "BMP, offset beyond its end": file(lambda: bmp_field(10, 2**30)),
    "BMP, 7 bits": file(lambda: bmp_field(28, 7, "<H")),
    "BMP, colours missing": file(lambda: bmp_palette(3, 1078), must_fail=False),
    "BMP, colours without end": file(lambda: bmp_palette(2**30, 54), must_fail=False),
    "GIF": file(lambda: moving("GIF")),
    "TIFF": file(lambda: saved("TIFF")),
    "PNG and ZIP in one": file(lambda: zipped("PNG"), must_fail=False),
    "JPEG and ZIP in one": file(lambda: zipped("JPEG"), must_fail=False),
    "PNG signature, JPEG": file(lambda: b"\x89PNG\r\n\x1a\n" + good("JPEG")),
    "zeros, 20 MB": file(lambda: b"\x89PNG\r\n\x1a\n" + bytes(20 * 2**20)),
    "one bad in eight": one_bad_in_eight,
    "2,000 rows": lambda _: files(*[good("PNG")] * 2_000),
    "100,000 empty files": lambda _: files(*[b""] * 100_000),
    "no rows": empty,
    "floats for files": request(CLASSIFIER, image_bytes=np.zeros(2, np.float32)),
    "integers for files": request(CLASSIFIER, image_bytes=np.zeros(2, np.int64)),
    "a scalar file": request(CLASSIFIER, image_bytes=b"x"),
    "files in two axes": request(CLASSIFIER, image_bytes=[[b"x"], [b"y"]]),
    "wrong input name": request(CLASSIFIER, images=[b"x"]),
    "an input too many": request(CLASSIFIER, image_bytes=[b"x"], label=[1]),
    "no input": request(CLASSIFIER),
    "unknown signature": request(CLASSIFIER, "none", image_bytes=[b"x"]),
    "unknown output": filtered,
    "unknown model": request("none", image_bytes=[b"x"]),
    "shape of 10**12": shapeless([10**12]),
    "negative shape": shapeless([-3]),
    "no proto": lambda random: Case(b"\xff" + random.bytes(50)),
    "NaN": request(CLASSIFIER, "classify", images=IMAGES * np.nan),
    "infinity": request(CLASSIFIER, "classify", images=IMAGES + np.inf),
    "other sides": request(CLASSIFIER, "classify", images=IMAGES[:, 1:]),
    "other channels": request(CLASSIFIER, "classify", images=IMAGES[..., :1]),
    "rank 1 for rank 4": request(CLASSIFIER, "classify", images=IMAGES.ravel()),
    "label too high": generated([1, 2], np.array([0, 99], np.int32)),
    "label below 0": generated([1, 2], np.array([0, -1], np.int32)),
    "more seeds than labels": generated([1, 2, 3], np.array([0], np.int32)),
    "labels of 64 bits": generated([1], np.array([0])),
    "10,000 pictures": generated(np.arange(10_000), np.zeros(10_000, np.int32)),
    "NaN latents": request(
        GENERATOR, "generate", latent=np.full((1, 2), np.nan, np.float32), label=np.int32([0])
    ),
    "latents of another size": request(
        GENERATOR, "generate", latent=np.zeros((1, 7), np.float32), label=np.int32([0])
    ),
    "REST, no JSON": rest(CLASSIFIER, b"{"),
    "REST, no rows": rest(CLASSIFIER, {"rows": []}),
    "REST, no base64": rest(CLASSIFIER, {"instances": [{FILES: {"b64": "%%%"}}]}),
    "REST, nested": rest(CLASSIFIER, b'{"instances":' + b"[" * 5_000 + b"]" * 5_000 + b"}"),
    "REST, rows that differ": rest(GENERATOR, {"instances": [ORDINARY, {"seed": 1}]}),
    "REST, seed beyond 64 bits": rest(GENERATOR, {"instances": [{**ORDINARY, "seed": 2**70}]}),
    "REST, text for a label": rest(GENERATOR, {"instances": [{**ORDINARY, "label": "a"}]}),
}
"""Each by name."""
