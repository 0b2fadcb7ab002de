"""Copies that are not the same bytes, and pictures that are only alike."""

import io

import numpy as np
import pytest
from PIL import Image

from kerasgen.evaluation.utility.near_copies import near_copies
from kerasgen.procedural.eyes import camera_eyes

REAL = camera_eyes(60, 0, 32).images
OTHERS = camera_eyes(60, 1, 32).images


def jpeg(image, quality=75):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def shifted(image):
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), mode="edge")
    return padded[1:33, 4:36]


COPIES = {
    "exact": lambda image: image,
    "brighter": lambda image: np.clip(image, 0, 254) + np.uint8(1),
    "mirrored": lambda image: image[:, ::-1],
    "re-encoded": jpeg,
    "shifted": shifted,
    "all": lambda image: jpeg(np.ascontiguousarray(shifted(image)[:, ::-1]) // 2 * 2, 85),
}


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_found_with_their_source(kind):
    copied = np.stack([COPIES[kind](image) for image in REAL[:20]]).astype(np.uint8)
    found = near_copies(np.concatenate([copied, OTHERS[:20]]), REAL)
    assert (found[:20] == np.arange(20)).mean() >= 0.95 and (found[20:] == -1).all()


def test_a_set_with_every_file_twice_hides_no_copies():
    doubled = np.repeat(REAL, 2, axis=0)
    found = near_copies(np.stack([jpeg(image) for image in REAL]), doubled)
    assert (found // 2 == np.arange(60)).mean() >= 0.95
    assert (near_copies(OTHERS, doubled) == -1).all()


def test_frames_of_one_recording_hide_no_copies():
    random = np.random.default_rng(0)
    steps = random.normal(0, 5, (4, *REAL.shape))
    frames = np.clip(REAL + steps, 0, 255).astype(np.uint8).reshape(-1, 32, 32, 3)
    sources = np.tile(np.arange(60), 4).tolist()
    found = near_copies(np.stack([jpeg(image) for image in frames[:60]]), frames, sources)
    assert (np.array(sources)[found] == np.arange(60)).all()


def test_nothing_is_a_copy_of_nothing():
    assert near_copies(REAL[:0], REAL).shape == (0,)
    assert near_copies(REAL[:3], REAL[:0]).tolist() == [-1, -1, -1]
    assert near_copies(OTHERS[:1], REAL[:1]).tolist() == [-1]
    assert near_copies(REAL[:1], REAL[:1]).tolist() == [0]
