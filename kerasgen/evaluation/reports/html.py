"""Self-contained HTML pages: one file with its pictures and plots."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
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
class ReportPage:
    """A finished report: its numbers, and a page that shows them.

    Attributes:
        numbers: JSON values; each measured number is a dict with ``value``, ``low``, ``high`` (the
            95 % interval) and ``count`` (samples).
        html: The page, with its pictures and plots.
    """

    numbers: dict[str, Any] = field(repr=False)
    html: str = field(repr=False)

    def __str__(self) -> str:
        """The result in a few sentences."""
        return self.summary

    @property
    def summary(self) -> str:
        """The result in a few sentences."""
        return str(self.numbers["summary"])

    def save(self, folder: str | Path) -> Path:
        """Writes ``index.html`` and ``report.json``, both or neither.

        Args:
            folder: Output folder; created if it does not exist.

        Returns:
            Path of the page.

        Raises:
            ValueError: If it cannot be written; existing files are then unchanged.
        """
        page = Path(folder) / PAGE
        numbers = encoded_json(self.numbers)
        # Names of folders that are not UTF-8 hold lone surrogates.
        html = self.html.encode("utf-8", "backslashreplace")
        write_files({page: html, page.with_name(NUMBERS): numbers})
        return page

    def _repr_html_(self) -> str:
        """The page in a frame, for notebooks."""
        source = markupsafe.escape(self.html)
        return f'<iframe srcdoc="{source}" width="100%" height="640" frameborder="0"></iframe>'


def render_page(template: str, report: dict[str, Any], **content: Any) -> str:
    """Renders a template.

    Args:
        template: Name of a file in ``templates/``, which can use ``report``, the content and the
            filters ``estimate`` (for an ``Estimate`` as a dict) and ``number``.
        report: All numbers.
        **content: Further values for the template. Text is escaped; SVG must be passed as
            ``markup(svg)``.

    Returns:
        Self-contained HTML.
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


def markup(svg: str) -> markupsafe.Markup:
    """Marks SVG drawn by this package as safe, so that it is not escaped."""
    return markupsafe.Markup(svg)


def data_url(image: np.ndarray) -> str:
    """A picture ``[H, W, 3]`` uint8 as a data URL (JPEG)."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"


def _estimate(estimate: dict[str, Any] | None) -> str:
    if estimate is None:
        return "not tested"
    whole = Estimate(**estimate)
    return f"{_number(whole.value)} [{_number(whole.low)}, {_number(whole.high)}]"


def _number(value: float | None) -> str:
    # Rounding errors beside zero are zero.
    return "none" if value is None else f"{round(value, 12) + 0.0:.3g}"
