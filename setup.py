"""Metadata is in ``setup.cfg``; here is what a wheel takes from beside the package."""

from setuptools import find_packages, setup

MODELS = "kerasgen.zoo.models"
"""Where a wheel has the zoo's models, see ``kerasgen.deployment.model_folders``."""

NAMES = ("clothing-28", "clothing-64", "eyes", "fashion", "smoke", "smoke-classifier")
"""The zoo; models of a user beside them stay out of a wheel."""

INSIDE = ("*/*.*", "*/variables/*", "*/assets.extra/*")

setup(
    packages=[*find_packages(include=["kerasgen*"]), MODELS],
    package_dir={MODELS: "saved_models"},
    package_data={
        "": ["py.typed", "*.pyi"],
        "kerasgen.deployment.serving_kit": ["templates/*"],
        "kerasgen.evaluation.reports": ["templates/*.html"],
        MODELS: ["README.md", *(f"{name}/{each}" for name in NAMES for each in INSIDE)],
    },
)
