"""Backbones: pictures -> one feature vector each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
from keras import layers, ops

from kerasgen.classifier.weights import IMAGENET, download, load_weights
from kerasgen.training.layers import Tensor, check_image_shape

_APPLICATIONS: dict[str, Any] = {
    "resnet50": keras.applications.ResNet50,
    "mobilenet_v2": keras.applications.MobileNetV2,
    "vgg16": keras.applications.VGG16,
    "inception_v3": keras.applications.InceptionV3,
}

_SMALL = "small"

BACKBONES = (_SMALL, *_APPLICATIONS)
"""Names of backbones for ``build_classifier``."""

_SMALLEST_SIDE, _SMALLEST_SIDE_OF = 32, {"inception_v3": 75}
"""Smallest side of a picture for ``keras.applications``, whose networks halve it five times.
Inception-v3 needs more, since not all its convolutions are padded."""

_MEAN_BLUE_GREEN_RED = (103.939, 116.779, 123.68)
"""Means of ImageNet's pixels in [0, 255], subtracted for ResNet-50 and VGG-16."""


def build_features(
    image_shape: Sequence[int],
    backbone: str,
    weights: str | Path | None,
    widths: Sequence[int] | None,
    units: int | None,
) -> keras.Model:
    """Pictures -> features, ``[N, H, W, C]`` float32 in [-1, 1] -> ``[N, D]``.

    The arguments are those of ``build_classifier``.

    Raises:
        ValueError: If the arguments do not fit together, or there are no such weights.
    """
    if backbone not in BACKBONES:
        raise ValueError(f"`backbone` must be among {BACKBONES}. Received: backbone={backbone!r}")
    if backbone == _SMALL:
        if weights == IMAGENET:
            raise ValueError(
                "There are no ImageNet weights of the small network: choose another backbone. "
                f"Received: backbone={backbone!r}, weights={weights!r}"
            )
        network = _small(
            image_shape, (32, 64) if widths is None else widths, 128 if units is None else units
        )
    else:
        if widths is not None or units is not None:
            raise ValueError(
                "`widths` and `units` are those of the small network only. "
                f"Received: backbone={backbone!r}, widths={widths}, units={units}"
            )
        network = _application(image_shape, backbone, weights == IMAGENET)
    if weights not in (None, IMAGENET):
        load_weights(network, weights)
    _settle_batch_normalization(network, frozen=weights is not None)
    return network


def _small(image_shape: Sequence[int], widths: Sequence[int], units: int) -> keras.Model:
    check_image_shape(image_shape, 2 ** len(widths))
    images = keras.Input(tuple(image_shape), name="images")
    x = images
    for width in widths:
        for _ in range(2):
            x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Dense(units, activation="relu")(layers.Flatten()(x))
    return keras.Model(images, x, name=_SMALL)


def _application(image_shape: Sequence[int], backbone: str, imagenet: bool) -> keras.Model:
    check_image_shape(image_shape, 1)
    height, width, _ = image_shape
    smallest = _SMALLEST_SIDE_OF.get(backbone, _SMALLEST_SIDE)
    if any(side is None or side < smallest for side in (height, width)):
        raise ValueError(
            f"Pictures for {backbone} must be at least {smallest} pixels high and wide. "
            f"Received: image_shape={tuple(image_shape)}"
        )
    images = keras.Input(tuple(image_shape), name="images")
    prepared = _prepare(images, backbone)

    # The application's layers become layers of the classifier, not one nested model: so a file of
    # the bare application fits, and layers can be frozen one by one.
    def build() -> keras.Model:
        return _APPLICATIONS[backbone](
            include_top=False,
            weights=IMAGENET if imagenet else None,
            input_tensor=prepared,
            input_shape=(height, width, 3),
            pooling="avg",
        )

    network = download(build, backbone) if imagenet else build()
    return keras.Model(images, network.output, name=backbone)


def _prepare(images: Tensor, backbone: str) -> Tensor:
    """``keras.applications.<backbone>.preprocess_input``, from pixels in [-1, 1].

    The last layer is called "prepared". Always in float32: bfloat16 would keep 8 bits, and fewer
    after the mean is subtracted.
    """
    x = images if images.shape[-1] == 3 else layers.Concatenate(dtype="float32")([images] * 3)
    if backbone in ("mobilenet_v2", "inception_v3"):
        return layers.Activation("linear", dtype="float32", name="prepared")(x)
    offset = [127.5 - mean for mean in _MEAN_BLUE_GREEN_RED]
    blue_green_red = ops.flip(x, axis=-1)
    return layers.Rescaling(127.5, offset, dtype="float32", name="prepared")(blue_green_red)


def _settle_batch_normalization(network: keras.Model, *, frozen: bool) -> None:
    for layer in network.layers:
        if not isinstance(layer, layers.BatchNormalization):
            continue
        # `training=False` in a nested model's call has no effect: Keras 3 replaces it by that of
        # the outer call. A layer that is not trainable stays in inference mode.
        layer.trainable = not frozen
        layer.synchronized = not frozen
