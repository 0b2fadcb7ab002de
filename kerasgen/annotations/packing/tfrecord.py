"""Packs of ``tf.train.Example``, with the names of the TensorFlow Object Detection API.

Names: https://github.com/tensorflow/models/blob/master/research/object_detection/g3doc/using_your_own_dataset.md
Differs: labels count from 0, as ``class_names`` does; that API counts those of objects from 1.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from kerasgen.annotations.packing.samples import Sample

CORNERS = ("xmin", "ymin", "xmax", "ymax")


def write_tfrecord(
    path: Path, samples: Iterable[tuple[Sample, bytes]], class_names: Sequence[str]
) -> None:
    """Writes a TFRecord file.

    Args:
        path: The file.
        samples: What to write, each with the bytes of its picture's file.
        class_names: The names of labels 0, 1, ...

    Raises:
        OSError: If it cannot be written.
    """
    try:
        with tf.io.TFRecordWriter(os.fsencode(path)) as writer:
            for sample, picture in samples:
                features = {
                    name: _feature(values)
                    for name, values in _values(sample, picture, class_names).items()
                }
                example = tf.train.Example(features=tf.train.Features(feature=features))
                # By default, the order of the features may change from process to process.
                writer.write(example.SerializeToString(deterministic=True))
    except tf.errors.OpError as error:
        raise OSError(error.message) from error


def _values(sample: Sample, picture: bytes, class_names: Sequence[str]) -> dict[str, list[Any]]:
    values: dict[str, list[Any]] = {
        "image/encoded": [picture],
        "image/format": [b"png"],
        "image/height": [sample.height],
        "image/width": [sample.width],
        "image/filename": [sample.name.encode()],
        "row": [sample.record.line.strip()],
    }
    if sample.class_name is not None:
        values["image/class/label"] = [class_names.index(sample.class_name)]
        values["image/class/text"] = [sample.class_name.encode()]
    if sample.objects:
        sides = (sample.width, sample.height) * 2
        for corner, side, places in zip(
            CORNERS, sides, zip(*(each.box for each in sample.objects), strict=True), strict=True
        ):
            values[f"image/object/bbox/{corner}"] = [place / side for place in places]
        labels = [each.label for each in sample.objects]
        values["image/object/class/label"] = labels
        values["image/object/class/text"] = [class_names[label].encode() for label in labels]
    return values


def _feature(values: list[Any]) -> Any:
    if isinstance(values[0], bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
    if isinstance(values[0], float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
