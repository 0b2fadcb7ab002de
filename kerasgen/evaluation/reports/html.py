"""Pages that open from disk: one file, no network, pictures and plots within."""

from __future__ import annotations

import base64
import io
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


def write_page(folder: str | Path, template: str, report: dict[str, Any], **content: Any) -> Path:
    """Writes ``index.html`` and ``report.json``, both or neither.

    Args:
        folder: Where to.
        template: Name of a file in ``templates/``; it sees ``report`` and the content, and can
            write an estimate (as a dict) with ``| estimate`` and a number with ``| number``.
        report: All numbers: what ``report.json`` holds.
        **content: What else the template needs. Text is escaped; markup drawn by ``plots`` must
            come as ``markup(svg)``.

    Returns:
        The page.

    Raises:
        ValueError: If it cannot be written; what was there before is then as it was.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(estimate=_estimate, number=_number)
    text = environment.get_template(template).render(
        report=report, colours={"real": REAL, "synthetic": SYNTHETIC}, **content
    )
    page = Path(folder) / PAGE
    write_files({page: text.encode("utf-8"), page.with_name(NUMBERS): encoded_json(report)})
    return page


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
