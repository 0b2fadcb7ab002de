"""Import rules: a module imports only from its own room and from lower floors."""

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
    {"zoo", "pipelines"},
    {"cli"},
    {"__main__"},
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
FOLDERS = ("kerasgen", "examples", "benchmarks")
MOST_LINES, MOST_LINES_OF_A_FUNCTION, MOST_MODULES, MOST_ARGUMENTS = 350, 60, 15, 10


def modules(package=PACKAGE):
    return sorted(path for path in package.rglob("*.py") if path != package / "__init__.py")


def family_of(path):
    """A family is one module or one package."""
    return [path.relative_to(PACKAGE).with_suffix("").parts[0]]


def room_of(parts):
    """Every top-level module that is no other room is a family."""
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
    """Yields the imports of a module at ``parts`` (below the package) that break the rules."""
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


def test_no_two_folders_import_each_other():
    """Of two folders at most one imports the other, directly or indirectly."""
    arrows = {}
    for path in modules():
        own = path.parent.relative_to(PACKAGE).parts
        for target in imports_of(path.read_text(encoding="utf-8")):
            parts = target[:-1]
            while parts and not (PACKAGE.joinpath(*parts)).is_dir():
                parts = parts[:-1]
            other = tuple(parts)
            # A folder and its subfolders count as one: its ``__init__`` imports from them.
            if own[: len(other)] != other and other[: len(own)] != own:
                arrows.setdefault(own, set()).add(other)
    assert not (circle := circle_in(arrows)), circle


def circle_in(arrows):
    """A path from some node back to itself, or None."""
    done = set()

    def walk(node, way):
        if node in way:
            return [*way[way.index(node) :], node]
        if node in done:
            return None
        for other in sorted(arrows.get(node, ())):
            if found := walk(other, [*way, node]):
                return found
        done.add(node)
        return None

    return next((found for node in sorted(arrows) if (found := walk(node, []))), None)


def test_a_circle_is_found():
    assert circle_in({("a",): {("b",)}, ("b",): {("c",)}, ("c",): {("b",)}}) is not None
    assert circle_in({("a",): {("b",), ("c",)}, ("b",): {("c",)}}) is None


def functions(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{path.relative_to(PACKAGE.parent)}:{node.lineno} {node.name}", node


def test_files_functions_and_folders_stay_small():
    root = PACKAGE.parent
    paths = [each for name in FOLDERS for each in (root / name).rglob("*.py")]
    for path in paths:
        lines = path.read_text(encoding="utf-8").count("\n")
        assert lines <= MOST_LINES, f"{path} has {lines} lines"
        for name, node in functions(path):
            length = node.end_lineno - node.lineno + 1
            assert length <= MOST_LINES_OF_A_FUNCTION, f"{name} has {length} lines"
    for folder in {path.parent for path in modules()}:
        count = len([path for path in folder.glob("*.py") if path.name != "__init__.py"])
        assert count <= MOST_MODULES, f"{folder} has {count} modules"


def test_no_function_takes_many_arguments():
    for path in modules():
        for name, node in functions(path):
            all_arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            own = [each.arg for each in all_arguments if each.arg not in ("self", "cls")]
            assert len(own) <= MOST_ARGUMENTS, f"{name} takes {len(own)} arguments"
