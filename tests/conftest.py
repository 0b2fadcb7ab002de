"""Two logical CPUs, made before anything touches TensorFlow: a machine with two replicas."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import pytest
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


@pytest.fixture(autouse=True)
def seeded():
    """The same weights at each test's start."""
    keras.utils.set_random_seed(0)
    yield
    keras.mixed_precision.set_global_policy("float32")


def pytest_terminal_summary(terminalreporter):
    """Says plainly when tests of real pictures had none."""
    reports = terminalreporter.stats.get("passed", [])
    names = [dict(report.user_properties).get("real pictures not found") for report in reports]
    for folder in sorted({name for name in names if name}):
        count = names.count(folder)
        terminalreporter.write_line(
            f"real pictures: not found at {folder}, {count} tests ran without them", yellow=True
        )
