"""SavedModels as they are opened."""

import pytest
import tensorflow as tf

from kerasgen.io.saved_model import open_saved_model


@pytest.fixture
def saved(tmp_path):
    class Doubled(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def double(self, x):
            return {"y": 2 * x}

    module = Doubled()
    tf.saved_model.save(module, str(tmp_path / "1"), signatures={"double": module.double})
    return tmp_path / "1"


def test_a_model_is_opened_with_the_signature_that_it_needs(saved):
    for signature in (None, "double"):
        loaded = open_saved_model(saved, signature)
        assert loaded.signatures["double"](x=tf.constant([1.5]))["y"].numpy().tolist() == [3.0]


def test_what_is_missing_or_damaged_is_named(saved, tmp_path):
    with pytest.raises(ValueError, match=r"no signature 'serve', only \['double'\]. Received"):
        open_saved_model(saved, "serve")
    with pytest.raises(ValueError, match="no saved_model.pb; pass the version folder.*Received"):
        open_saved_model(tmp_path)
    (saved / "saved_model.pb").write_bytes(b"no model")
    with pytest.raises(ValueError, match="damaged.*Received: path="):
        open_saved_model(saved)
