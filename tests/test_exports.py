"""What packages export: all of it is there, and nothing heavy is imported for it."""

import importlib
import inspect
import subprocess
import sys

import pytest

LAZY = ("data", "training")
FAMILIES = ("autoencoder", "cgan", "classifier", "cyclegan", "refiner")


def package(name):
    return importlib.import_module(f"kerasgen.{name}")


@pytest.mark.parametrize("name", [*LAZY, *FAMILIES])
def test_every_exported_name_is_there_and_is_no_module(name):
    for export in package(name).__all__:
        assert not inspect.ismodule(getattr(package(name), export)), export
        assert export in dir(package(name))


@pytest.mark.parametrize("name", LAZY)
def test_no_module_has_the_name_of_an_export(name):
    """Once imported, the module would shadow the export."""
    for export in package(name).__all__:
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(f"kerasgen.{name}.{export}")


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_exports_all_that_it_imports(name):
    public = {key for key, value in vars(package(name)).items() if not key.startswith("_")}
    modules = {key for key in public if inspect.ismodule(getattr(package(name), key))}
    assert public - modules == set(package(name).__all__)


@pytest.mark.parametrize("name", LAZY)
def test_an_unknown_name_is_an_attribute_error(name):
    with pytest.raises(AttributeError, match=f"No kerasgen.{name} attribute nothing"):
        _ = package(name).nothing


def test_packages_alone_import_neither_tensorflow_nor_numpy():
    lines = [f"import sys, {', '.join(f'kerasgen.{name}' for name in LAZY)}"]
    lines.append("assert not {'tensorflow', 'keras', 'numpy'} & set(sys.modules)")
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)
