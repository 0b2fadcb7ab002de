"""Pages that open from disk: one file, no network, pictures and plots within."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import markupsafe
import numpy as np
from PIL import Image

from kerasgen.evaluation.metrics import Estimate
from kerasgen.evaluation.reports.plots import REAL, SYNTHETIC
from kerasgen.io.files import encoded_json, write_files

PAGE, NUMBERS = "index.html", "report.json"
"""Names of the two files of a report."""


@dataclass(frozen=True, eq=False)
class Report:
    """A finished report: its numbers, and one page that shows them.

    Attributes:
        numbers: JSON values; every measured number is a dict with ``value``, ``low``, ``high`` (a
            95 % interval) and ``count`` (samples).
        html: The page, with pictures and plots within.
    """

    numbers: dict[str, Any]
    html: str

    @property
    def summary(self) -> str:
        """What was found, in a few sentences."""
        return str(self.numbers["summary"])

    def save(self, folder: str | Path) -> Path:
        """Writes ``index.html`` and ``report.json``, both or neither.

        Args:
            folder: Where to; made if it is not there.

        Returns:
            The page.

        Raises:
            ValueError: If it cannot be written; what was there before is then as it was.
        """
        page = Path(folder) / PAGE
        numbers = encoded_json(self.numbers)
        write_files({page: self.html.encode("utf-8"), page.with_name(NUMBERS): numbers})
        return page

    def _repr_html_(self) -> str:
        """The page in a frame of its own, for notebooks."""
        source = markupsafe.escape(self.html)
        return f'<iframe srcdoc="{source}" width="100%" height="640" frameborder="0"></iframe>'


def render_page(template: str, report: dict[str, Any], **content: Any) -> str:
    """Fills in a template.

    Args:
        template: Name of a file in ``templates/``; it sees ``report`` and the content, and can
            write an estimate (as a dict) with ``| estimate`` and a number with ``| number``.
        report: All numbers.
        **content: What else the template needs. Text is escaped; markup drawn by ``plots`` must
            come as ``markup(svg)``.

    Returns:
        HTML that opens from disk.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(estimate=_estimate, number=_number)
    return environment.get_template(template).render(
        report=report, colours={"real": REAL, "synthetic": SYNTHETIC}, **content
    )


def write_page(folder: str | Path, template: str, report: dict[str, Any], **content: Any) -> Path:
    """Renders a page and saves it with its numbers, see ``Report.save``."""
    return Report(report, render_page(template, report, **content)).save(folder)


def markup(svg: str) -> markupsafe.Markup:
    """Marks what was drawn here, not by a user, as safe to stand in a page as it is."""
    return markupsafe.Markup(svg)


def data_url(image: np.ndarray) -> str:
    """``[H, W, 3]`` uint8 as an address that holds the picture itself (JPEG)."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"


def _estimate(estimate: dict[str, Any] | None) -> str:
    if estimate is None:
        return "not tested"
    whole = Estimate(**estimate)
    return f"{whole.value:.3g} [{whole.low:.3g}, {whole.high:.3g}]"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3g}"
