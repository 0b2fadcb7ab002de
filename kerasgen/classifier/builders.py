"""The classifier family's networks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
from keras import layers

from kerasgen.classifier.backbones import build_features

_DROPOUT = "head_dropout"
_LOGITS = "logits"


def build_classifier(
    image_shape: Sequence[int],
    num_classes: int,
    *,
    backbone: str = "small",
    weights: str | Path | None = None,
    widths: Sequence[int] | None = None,
    units: int | None = None,
    dropout: float = 0.5,
    name: str = "classifier",
) -> keras.Model:
    """A classifier: a backbone, dropout and a dense layer.

    "small": for each width two 3x3 convolutions, the second followed by max pooling (Simonyan &
    Zisserman 2015, arXiv:1409.1556, section 2.1, in small), then a dense layer. 467,818 weights for
    28x28x1, ten classes.

    "resnet50" (He et al. 2016, arXiv:1512.03385), "mobilenet_v2" (Sandler et al. 2018,
    arXiv:1801.04381), "inception_v3" (Szegedy et al. 2016, arXiv:1512.00567), "vgg16" (Simonyan &
    Zisserman 2015, arXiv:1409.1556): from ``keras.applications`` without its top, and global
    average pooling. The backbone's preprocessing (order of colours, mean, range) is part of the
    network; a grey picture becomes three equal channels.

    Batch normalization in a backbone with ``weights`` is frozen: it keeps the statistics, scale and
    shift of the file, in training too. Batches in fine-tuning are small and unlike ImageNet, and
    each replica would have statistics of its own. Do not set ``trainable`` of the whole classifier,
    which would unfreeze them. With ``weights=None`` it learns, from the global batch over all
    replicas; then a backbone needs many pictures and a long training.

    Args:
        image_shape: (height, width, 1 or 3); for "small" sides a multiple of 2 ** len(widths), for
            "inception_v3" at least 75 pixels, the others 32.
        num_classes: Labels are 0 to ``num_classes - 1``.
        backbone: Among ``BACKBONES``.
        weights: Weights of the backbone: None for random ones; "imagenet" (downloaded once, then in
            Keras's cache); or a ``.keras`` or ``.h5`` file of the application or of a classifier
            with this backbone. The head is always new.
        widths: Channels of "small" before each halving; None for (32, 64).
        units: Units of the dense layer of "small"; None for 128.
        dropout: Share of the features dropped, in training.
        name: Of the model.

    Returns:
        ``[N, H, W, C]`` float32 in [-1, 1] -> logits ``[N, num_classes]`` float32.

    Raises:
        ValueError: If the shape does not fit, there are fewer than two classes, or there are no
            such weights.
    """
    if num_classes < 2:
        raise ValueError(f"`num_classes` must be at least 2. Received: num_classes={num_classes}")
    features = build_features(image_shape, backbone, weights, widths, units)
    x = layers.Dropout(dropout, name=_DROPOUT)(features.output)
    logits = layers.Dense(num_classes, dtype="float32", name=_LOGITS)(x)
    return keras.Model(features.input, logits, name=name)


def split_head(classifier: keras.Model) -> tuple[keras.Model, keras.Model]:
    """The two parts of a classifier, which share its weights.

    Args:
        classifier: From ``build_classifier``, or loaded from its ``.keras`` file.

    Returns:
        The model below the head, ``[N, H, W, C]`` float32 in [-1, 1] -> features ``[N, D]``, and
        the head, features -> logits ``[N, num_classes]``.

    Raises:
        ValueError: If the model is not such a classifier.
    """
    missing = {_DROPOUT, _LOGITS} - {layer.name for layer in classifier.layers}
    if missing:
        raise ValueError(
            "`classifier` must come from `build_classifier`. "
            f"Received: a model {classifier.name!r} without the layers {sorted(missing)}"
        )
    dropout, logits = (classifier.get_layer(name) for name in (_DROPOUT, _LOGITS))
    features = keras.Model(classifier.input, dropout.input, name=f"{classifier.name}_features")
    inputs = keras.Input(dropout.input.shape[1:], name="features")
    return features, keras.Model(inputs, logits(dropout(inputs)), name=f"{classifier.name}_head")
