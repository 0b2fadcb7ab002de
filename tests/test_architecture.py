"""The direction of the house: a module imports only from its own room and from floors below."""

import ast
from pathlib import Path

import kerasgen

PACKAGE = Path(kerasgen.__file__).parent
# From the ground up; rooms of one floor never import each other.
FLOORS = [
    {"io"},
    {"annotations"},
    {"data"},
    {"procedural", "compositing", "training"},
    {"family"},
    {"evaluation", "deployment"},
    {"zoo"},
    {"cli"},
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
MOST_LINES = 350


def modules(package=PACKAGE):
    return sorted(path for path in package.rglob("*.py") if path != package / "__init__.py")


def family_of(path):
    """A family is one module, or one package where it has outgrown a file."""
    return [path.relative_to(PACKAGE).with_suffix("").parts[0]]


def room_of(parts):
    """A top-level module that is no room's name is a family: a fourth model needs no edit here."""
    return parts[0] if parts[0] in FLOOR_OF else "family"


def imports_of(source):
    """Dotted names, below kerasgen, that a module imports anywhere, functions included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.split(".")[1:] for name in names if name.startswith("kerasgen."))


def broken_rules(parts, source):
    """What a module at ``parts`` (below the package) imports against the direction."""
    own = room_of(parts)
    for target in imports_of(source):
        if target[0].startswith("_"):
            continue
        other = room_of(target)
        elsewhere = target[0] != parts[0]
        loop = own == "family" and target[:2] == ["training", "trainer"]
        if loop or (elsewhere and FLOOR_OF[other] >= FLOOR_OF[own]):
            yield f"{'.'.join(parts)} imports {'.'.join(target)}"


def test_imports_point_down():
    broken = []
    for path in modules():
        parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
        broken += broken_rules(parts, path.read_text(encoding="utf-8"))
    assert not broken, broken


def test_the_rule_catches_wrong_imports():
    wrong = {
        ("io", "images"): "from kerasgen.annotations import coco",
        ("data", "pipeline"): "from kerasgen.training import losses",
        ("procedural", "eyes"): "from kerasgen.compositing import blending",
        ("training", "step"): "import kerasgen.refiner",
        ("refiner",): "from kerasgen.training.trainer import Trainer",
        ("cgan",): "def f():\n    from kerasgen.refiner import build_refiner",
        ("evaluation", "metrics"): "from kerasgen.cli import run",
        ("deployment", "export"): "from kerasgen.evaluation import metrics",
        ("evaluation", "judges"): "from kerasgen.deployment import export",
    }
    for parts, source in wrong.items():
        assert list(broken_rules(list(parts), source)), (parts, source)
    assert not list(broken_rules(["cgan"], "from kerasgen.training import losses"))


def test_families_know_no_data_flags_or_files():
    families = [path for path in modules() if room_of(family_of(path)) == "family"]
    assert families
    for path in families:
        names = {name[0] for name in imports_of(path.read_text(encoding="utf-8"))}
        assert names <= {"training", *family_of(path)}, f"{path.name} imports {names}"


def test_no_file_is_long():
    folders = [PACKAGE, PACKAGE.parent / "examples", PACKAGE.parent / "benchmarks"]
    for path in (path for folder in folders for path in folder.rglob("*.py")):
        lines = path.read_text(encoding="utf-8").count("\n")
        assert lines <= MOST_LINES, f"{path} has {lines} lines"


def test_the_package_imports_nothing_heavy():
    imported = [
        name
        for node in ast.walk(ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [ast.unparse(node)]
    ]
    assert not imported
