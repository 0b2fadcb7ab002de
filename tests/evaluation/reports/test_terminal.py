"""Figures as lines for a terminal."""

from kerasgen.evaluation.reports.terminal import figure_lines


def test_figures_read_as_lines():
    figures = {
        "kid[x]": {"refined": {"value": 0.5, "low": 0.25, "high": 0.75, "count": 9}},
        "share": 0.123456,
        "pupil_shift": {"median": 1.5, "used": 3},
    }
    assert figure_lines(figures) == [
        "kid[x]:",
        "  refined: 0.5 [0.25, 0.75] (n=9)",
        "share: 0.1235",
        "pupil_shift:",
        "  median: 1.5",
        "  used: 3",
    ]
