"""Feature maps of a network's layers for two pictures, side by side.

Channels chosen by hand, or a separate scale for each map, could show any difference or none. Here
the channels are those that vary most over both pictures together, and both maps of a channel have
one scale.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from keras import layers

from kerasgen.evaluation.features.by_name import fit_to, resized
from kerasgen.io.images import to_float
from kerasgen.io.sheets import contact_sheet

_TILE, _GAP = 88, 6
"""Side of a map on a sheet, and gap between maps before and after the activation, in pixels."""

_CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)
_ACTIVATIONS = (layers.Activation, layers.ReLU, layers.LeakyReLU)
_TRANSPARENT = (layers.BatchNormalization, layers.Add)
"""Layers that may lie between a convolution and its activation."""

_AUTOMATIC = re.compile(r"conv2d(_\d+)?")
"""A name assigned by Keras, which depends on what was built before."""


@dataclass(frozen=True)
class LayerMaps:
    """Maps of N pictures at one layer.

    Attributes:
        layer: Name of the layer; such as "convolution 3" if Keras named it.
        before: ``[N, H, W, C]`` float32, output of the convolution.
        after: The same after its activation; None without activation.
    """

    layer: str
    before: np.ndarray
    after: np.ndarray | None

    @property
    def size(self) -> str:
        """Width, height and channels, such as ``112x112x64``."""
        height, width, channels = self.before.shape[1:]
        return f"{width}x{height}x{channels}"

    def most_varied(self, count: int) -> np.ndarray:
        """Channels of the largest variance over all pictures together, in falling order."""
        maps = self.before if self.after is None else self.after
        variances = maps.astype(np.float64).var(axis=(0, 1, 2))
        return np.argsort(-variances, kind="stable")[:count]


def map_layers(network: keras.Model, most: int = 4) -> list[str]:
    """The last convolution before each halving of the maps, from the input on.

    For VGG16 these are block1_conv2, block2_conv2, block3_conv3 and block4_conv3, whose ReLUs are
    known as relu1_2, 2_2, 3_3 and 4_3.

    Args:
        network: Network with pictures as input.
        most: Most layers.

    Returns:
        Names of layers; none if the network has no convolution.
    """
    whole = network.input_shape[1]
    found = {
        # Without padding a map is a little smaller than a half, a quarter and so on.
        round(np.log2(whole / layer.output.shape[1])): layer.name
        for layer in network.layers
        if isinstance(layer, _CONVOLUTIONS)
    }
    return list(found.values())[:most]


def feature_maps(
    network: keras.Model, images: np.ndarray, names: Sequence[str] | None = None
) -> list[LayerMaps]:
    """Outputs of a network's convolutions, before and after the activation.

    Where Keras has convolution and ReLU in one layer, as in VGG16, they are separated. Where they
    are two layers, the activation may follow a batch normalization or a sum.

    Args:
        network: Network over ``[N, H, W, C]`` float32 in [-1, 1].
        images: ``[N, h, w, c]`` uint8; resized to the network's input.
        names: Names of convolutions; None for those of ``map_layers``.

    Returns:
        The maps of each name.

    Raises:
        ValueError: If there is no such convolution, or the number of channels does not match.
    """
    known = {layer.name: layer for layer in network.layers if isinstance(layer, _CONVOLUTIONS)}
    chosen = map_layers(network) if names is None else list(names)
    missing = [name for name in chosen if name not in known]
    if missing:
        raise ValueError(
            f"The network {network.name!r} has no convolution of this name, only "
            f"{', '.join(known)}. Received: names={missing}"
        )
    if not chosen:
        return []
    outputs = {name: _before_and_after(network, known[name]) for name in chosen}
    reader = keras.Model(network.input, outputs)
    seen = reader(to_float(fit_to(network, images)), training=False)
    order = list(known)
    return [
        LayerMaps(
            f"convolution {order.index(name) + 1}" if _AUTOMATIC.fullmatch(name) else name,
            *(maps if len(maps) == 2 else (maps[0], None)),
        )
        for name, maps in (
            (name, [keras.ops.convert_to_numpy(each) for each in seen[name]]) for name in chosen
        )
    ]


def _before_and_after(network: keras.Model, layer: keras.Layer) -> list[keras.KerasTensor]:
    """A convolution's output, and that of its activation if it has one."""
    if layer.activation is keras.activations.linear:
        return [layer.output, *_activated(network, layer.output)]
    # The same layer without its activation.
    config = {**layer.get_config(), "activation": "linear", "name": f"{layer.name}_before"}
    twin = type(layer).from_config(config)
    before = twin(layer.input)
    twin.set_weights(layer.get_weights())
    return [before, layer.output]


def _activated(network: keras.Model, tensor: keras.KerasTensor) -> list[keras.KerasTensor]:
    while True:
        users = [
            layer
            for layer in network.layers
            if not isinstance(layer, layers.InputLayer)
            and any(each is tensor for each in keras.tree.flatten(layer.input))
        ]
        if len(users) != 1 or not isinstance(users[0], (*_ACTIVATIONS, *_TRANSPARENT)):
            return []
        tensor = users[0].output
        if isinstance(users[0], _ACTIVATIONS):
            return [tensor]


def map_sheet(maps: LayerMaps, images: np.ndarray, channels: Sequence[int]) -> np.ndarray:
    """The maps of chosen channels as one picture.

    A row for each picture, with the picture at the left, before the activation; then again
    after it. Before the activation, blue is negative, white 0 and red positive; after it, black is
    the minimum and yellow the maximum. Each column has one scale for all pictures.

    Args:
        maps: Maps of N pictures.
        images: ``[N, h, w, 1 | 3]`` uint8, the pictures.
        channels: Indices of the channels.

    Returns:
        ``[H, W, 3]`` uint8.
    """
    parts = [_coloured(maps.before[..., channels], signed=True)]
    if maps.after is not None:
        parts.append(_coloured(maps.after[..., channels], signed=False))
    own = resized(images, _TILE, _TILE)
    own = own if own.shape[-1] == 3 else np.repeat(own, 3, axis=-1)
    rows = [np.concatenate([own[:, None], part], axis=1) for part in parts]
    sheets = [contact_sheet(tiles.reshape(-1, *tiles.shape[2:]), tiles.shape[1]) for tiles in rows]
    gap = np.full((_GAP, *sheets[0].shape[1:]), 255, np.uint8)
    return np.concatenate([sheets[0], *(each for later in sheets[1:] for each in (gap, later))])


def _coloured(maps: np.ndarray, *, signed: bool) -> np.ndarray:
    """``[N, H, W, K]`` -> ``[N, K, tile, tile, 3]`` uint8, one scale for each of the K."""
    # Imported here because it takes a second and is needed for drawing only.
    import matplotlib

    low, high = maps.min(axis=(0, 1, 2)), maps.max(axis=(0, 1, 2))
    if signed:
        high = np.maximum(np.abs(low), np.abs(high))
        low = -high
    # A constant map is in the middle of the signed scale, and at the bottom of the other.
    spread = np.where(high > low, high - low, 1.0)
    shares = (maps - low) / spread if not signed else 0.5 + 0.5 * maps / np.maximum(high, 1e-12)
    colours = matplotlib.colormaps["RdBu_r" if signed else "inferno"](shares)[..., :3]
    tiles = np.rint(255 * colours).astype(np.uint8).transpose(0, 3, 1, 2, 4)
    return _enlarged(tiles)


def _enlarged(tiles: np.ndarray) -> np.ndarray:
    """Resizes maps to one size; small ones without interpolation, which shows their resolution."""
    height, width = tiles.shape[2:4]
    if max(height, width) > _TILE:
        flat = resized(tiles.reshape(-1, height, width, 3), _TILE, _TILE)
        return flat.reshape(*tiles.shape[:2], _TILE, _TILE, 3)
    rows = np.arange(_TILE) * height // _TILE
    columns = np.arange(_TILE) * width // _TILE
    return tiles[:, :, rows][:, :, :, columns]
