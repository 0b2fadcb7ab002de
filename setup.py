"""Metadata is in ``setup.cfg``; here is what a wheel takes from beside the package."""

from setuptools import find_packages, setup

MODELS = "kerasgen.zoo.models"
"""Where a wheel has the zoo's models, see ``kerasgen.deployment.model_folders``."""

setup(
    packages=[*find_packages(include=["kerasgen*"]), MODELS],
    package_dir={MODELS: "saved_models"},
)
