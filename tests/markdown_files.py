"""What the Markdown files of this repository hold: commands, Python, links and anchors."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])

PROGRAMS = {"kerasgen", "python", "pip", "docker", "mkdocs", "pytest", "ruff", "mypy", "."}
"""What a command on a page may start with."""

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_INDENTED = re.compile(r"(?<=\n\n)(?: {4,}.*\n?)+")
_INLINE = re.compile(r"`((?:kerasgen|python) [^`\n]*)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A piece of code on a page.

    Attributes:
        where: Page and line, for messages.
        kind: "shell", "python" or "inline" (a command within a sentence or a table).
        text: The code.
    """

    where: str
    kind: str
    text: str

    def commands(self):
        """Yields the words of each command of a shell block."""
        for line in self.text.replace("\\\n", " ").splitlines():
            for part in line.split(" && "):
                words = shlex.split(part, comments=True)
                if words:
                    yield words


def blocks(text, name):
    """The code of a page, in the order of its lines."""
    found = []

    def add(match, kind, code):
        line = text[: match.start()].count("\n") + 1
        found.append((match.start(), Block(f"{name}:{line}", kind, code)))

    for match in _FENCE.finditer(text):
        kind = {"bash": "shell", "python": "python"}.get(match[1])
        if kind:
            add(match, kind, match[2])
    plain = _FENCE.sub(lambda match: re.sub(r"[^\n]", "#", match[0]), text)
    for match in _INDENTED.finditer(plain):
        code = re.sub("^ {4}", "", match[0], flags=re.MULTILINE)
        if code.split()[0] in PROGRAMS:
            add(match, "shell", code)
    for match in _INLINE.finditer(plain):
        # `kerasgen verify` alone is the name of a command.
        if " --" in match[1] or match[1].startswith("python "):
            add(match, "inline", match[1])
    return [block for _, block in sorted(found, key=lambda pair: pair[0])]


def blocks_of(page):
    """The code of a page on disk."""
    return blocks(page.read_text(encoding="utf-8"), page.relative_to(ROOT).as_posix())


def broken_links(page):
    """Yields the relative links of a page that lead nowhere."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in _LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        if not target.exists():
            yield link
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            yield link


def anchors(page):
    """The anchors of a page's headings, as code hosts and MkDocs make them."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).strip().replace(" ", "-") for each in headings}
