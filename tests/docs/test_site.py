"""The pages as a site, and as plain Markdown on a code host."""

import ast
import importlib.util
import os
import re
import subprocess
import sys

import pytest
import test_architecture
import test_public_api
from markdown_files import PAGES, ROOT, anchors, broken_links

README = ROOT / "README.md"

QUICK_START = [
    "pip install -e .\npython examples/train_eye_refiner.py --prefit 2000\n",
    'pip install -e ".[test]"\npython -m pytest -n 2 --dist loadfile\n',
]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site; a warning ends the build."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_fetches_nothing(site):
    pages = {path.relative_to(site).with_suffix(".md").as_posix() for path in site.rglob("*.html")}
    written = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert written <= pages
    fetched = r'<(?:script|img|iframe)[^>]+src="(https?:[^"]+)"|<link[^>]+href="(https?:[^"]+)"'
    for path in site.rglob("*.html"):
        assert not re.findall(fetched, path.read_text(encoding="utf-8")), path


@pytest.mark.slow
def test_the_api_pages_show_every_public_name(site):
    shown = set()
    for path in (site / "api").glob("*.html"):
        shown |= set(re.findall(r'id="(kerasgen[\w.]+)"', path.read_text(encoding="utf-8")))
    lacking = set()
    for room in ["kerasgen", *test_public_api.ROOMS]:
        module = importlib.import_module(room)
        inside = {path.stem for path in (ROOT / room.replace(".", "/")).iterdir()}
        for name in set(module.__all__) - inside:
            # Functions and classes; not other names of types, such as `Tensor`.
            own = getattr(getattr(module, name), "__name__", None) == name
            if own and f"{room}.{name}" not in shown:
                lacking.add(f"{room}.{name}")
    # The command line is for shells: `kerasgen COMMAND --help` documents it.
    assert not {name for name in lacking if not name.startswith("kerasgen.cli.")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    assert not list(broken_links(page))


def test_a_broken_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Here\n[a](#here) [b](page.md#here) [c](https://x.y)\n```\n[d](z)\n```\n")
    assert not list(broken_links(page))
    page.write_text("# Here\n[a](#there) [b](nowhere.md) [c](page.md#there)\n")
    assert list(broken_links(page)) == ["#there", "nowhere.md", "page.md#there"]
    assert anchors(page) == {"here"}


def test_the_front_page_is_short_and_starts_as_before():
    assert README.stat().st_size <= 10_240
    _, _, rest = README.read_text(encoding="utf-8").partition("\n## Quick start\n")
    # .ci/run takes the second of them.
    assert re.findall(r"^```bash\n(.*?)^```$", rest, re.DOTALL | re.MULTILINE)[:2] == QUICK_START
    assert rest.index(QUICK_START[1]) < rest.index("\n## ")


def test_the_drawing_shows_the_rooms_in_their_order():
    path = ROOT / "docs" / "draw_house.py"
    spec = importlib.util.spec_from_file_location("draw_house", path)
    drawing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(drawing)
    families = {path.parent.name for path in test_architecture.PACKAGE.glob("*/builders.py")}
    floors = [families if each == {"family"} else each for each in test_architecture.FLOORS]
    assert [set(each) for each in drawing.FLOORS] == floors[:-1]
    assert drawing.PICTURE.read_text(encoding="utf-8") == drawing.house()


def test_the_messages_of_the_troubleshooting_page_exist():
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    table = text[text.index("| message |") : text.index("Exit statuses")]
    messages = re.findall(r"^\| (`.*?`) \| ", table, re.MULTILINE)
    parts = [part for each in messages for part in re.split(r"`, `|\.\.\.", each.strip("`"))]
    assert len(parts) > 20
    known = {
        node.value
        for path in [*test_architecture.modules(), *(ROOT / "examples").glob("*.py")]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert not [part for part in parts if not any(part.strip() in each for each in known)]
