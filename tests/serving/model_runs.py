"""Runs of every signature of exported models, and what they must give."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from kerasgen.deployment.signature_runs import PROBE

LIBRARIES = Path(tf.__file__).parent
SEEDS = np.array([0, -1, 2**62, 7], np.int64)


def signatures_of(folder):
    """Tensor names of each signature, without loading the model."""
    model = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    found = dict(model.meta_graphs[0].signature_def)
    return {name: each for name, each in found.items() if not name.startswith("__")}


def probe_inputs(folder, signature, names):
    with np.load(folder / PROBE) as probe:
        arrays = {name: probe[f"{signature}/inputs/{name}"] for name in names}
    return {name: as_fed(value) for name, value in arrays.items()}


def as_fed(array):
    return array.astype(object) if array.dtype.kind == "S" else array


def run_of(signature, inputs):
    """A signature's inputs by tensor, and its outputs in the order of their names."""
    fed = {signature.inputs[key].name: value for key, value in inputs.items()}
    return fed, [signature.outputs[key].name for key in sorted(signature.outputs)]


def assert_equal(found, wanted, where):
    assert found.shape == wanted.shape, where
    if wanted.dtype.kind in "OS":
        assert [bytes(each) for each in found.ravel()] == [*wanted.ravel()], where
    else:
        np.testing.assert_allclose(found, wanted, atol=1e-5, err_msg=where)


def every_run(models):
    """Jobs for ``c_api_process``, and for each run in their order its name and outputs.

    Each signature runs on the inputs of the probe, to give its outputs, and again (a generator on
    seeds of its own) to give what Python gives, PNG files byte for byte.
    """
    jobs, expected = [], []
    for folder in models.values():
        loaded, runs = tf.saved_model.load(str(folder)), []
        with np.load(folder / PROBE) as stored:
            probe = dict(stored)
        for name, signature in signatures_of(folder).items():
            where, outputs = f"{folder.parent.name}/{name}", sorted(signature.outputs)
            inputs = probe_inputs(folder, name, signature.inputs)
            runs.append(run_of(signature, inputs))
            expected.append((f"{where}, probe", {k: probe[f"{name}/outputs/{k}"] for k in outputs}))
            if name == "serving_default" and "seed" in inputs:
                inputs = {"seed": SEEDS, "label": np.array([0, 1, 1, 0], np.int32)}
            runs.append(run_of(signature, inputs))
            own = loaded.signatures[name](**{k: tf.constant(v) for k, v in inputs.items()})
            expected.append((f"{where}, Python", {k: own[k].numpy() for k in outputs}))
        jobs.append((str(folder), runs))
    return jobs, expected


def assert_all_equal(answers, expected):
    """Numbers to 1e-5; PNG files byte for byte, or pixel for pixel where only those are known."""
    assert len(answers) == len(expected) > 8
    for found, (where, wanted) in zip(answers, expected, strict=True):
        assert not isinstance(found, str), f"{where}: {found}"
        for value, (key, own) in zip(found, wanted.items(), strict=True):
            if "probe" in where and key.endswith("_bytes"):
                value = np.stack([tf.io.decode_png(each).numpy() for each in value.ravel()])
            # A vector is a column to some servers.
            assert_equal(value.reshape(own.shape), own, f"{where}/{key}")
