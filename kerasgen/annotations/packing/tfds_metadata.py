"""What tensorflow-datasets needs to read packs of ``tf.train.Example`` without code of ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_datasets as tfds

from kerasgen.annotations.packing.samples import Contents
from kerasgen.annotations.packing.tfrecord import CORNERS

SPLIT = "made"
NAME = "{SPLIT}-{SHARD_X_OF_Y}.{FILEFORMAT}"
"""Template of the packs' names, see ``tfds.core.ShardedFileTemplate``."""


def write_tfds_metadata(folder: Path, contents: Contents, lengths: Sequence[int]) -> None:
    """Writes ``dataset_info.json``, ``features.json`` and lists of labels beside finished packs.

    The class of a picture is among the features if every picture has one.

    Args:
        folder: The folder of the packs.
        contents: What was packed.
        lengths: Number of pictures in each pack.

    Raises:
        OSError: If they cannot be written.
    """
    template = tfds.core.ShardedFileTemplate(
        data_dir=folder,
        template=NAME,
        dataset_name="pictures",
        split=SPLIT,
        filetype_suffix="tfrecord",
    )
    size = sum(path.stat().st_size for path in folder.glob(f"{SPLIT}-*.tfrecord"))
    tfds.folder_dataset.write_metadata(
        data_dir=folder,
        features=_features(contents),
        split_infos=[
            tfds.core.SplitInfo(
                name=SPLIT, shard_lengths=list(lengths), num_bytes=size, filename_template=template
            )
        ],
        filename_template=template,
        check_data=False,
        # In the order of the folder.
        disable_shuffling=True,
    )


def _features(contents: Contents) -> dict[str, Any]:
    features = tfds.features
    label = features.ClassLabel(names=list(contents.class_names))
    image: dict[str, Any] = {
        # Grey, RGB or RGBA, as it is stored.
        "encoded": features.Image(shape=(None, None, None)),
        "format": features.Text(),
        "height": tf.int64,
        "width": tf.int64,
        "filename": features.Text(),
        "object": {
            "bbox": {corner: features.Sequence(tf.float32) for corner in CORNERS},
            "class": {
                "label": features.Sequence(label),
                "text": features.Sequence(features.Text()),
            },
        },
    }
    if contents.classified == contents.count:
        image["class"] = {"label": label, "text": features.Text()}
    return {"image": image, "row": features.Text()}
