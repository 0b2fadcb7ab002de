"""What would stop a proof, or leave nothing to prove, is refused before anything is trained."""

import numpy as np
import pytest

from kerasgen.evaluation.utility.proof_data import read_proof_data


def arrays(path, seed, classes=2):
    images = np.random.default_rng(seed).integers(0, 256, (12, 8, 8), np.uint8)
    np.savez(path, images=images, labels=np.arange(12) % classes)
    return path


def test_one_class_is_refused(tmp_path):
    one = arrays(tmp_path / "one.npz", 0, classes=1)
    with pytest.raises(ValueError, match="at least two classes.*one.npz"):
        read_proof_data(one, one, one)
