"""Loss curves: a picture with lines in it, from whatever has been logged."""

import numpy as np
import pytest
from PIL import Image

from kerasgen.evaluation.reports.loss_curves import save_loss_curves

HEADER = "step,generator_loss,discriminator_loss,images_per_second,data_wait_share\n"


def write_history(path, rows=8):
    lines = [f"{n},{1 / n},{2 - 1 / n},100.0,0.1\n" for n in range(1, rows + 1)]
    path.write_text(HEADER + "".join(lines), encoding="utf-8")
    return path


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def coloured(image):
    return int((np.ptp(image, axis=2) > 60).sum())


def test_curves_are_drawn(tmp_path):
    history = write_history(tmp_path / "history.csv")
    save_loss_curves({"refine": history}, tmp_path / "new" / "losses.png")
    image = pixels(tmp_path / "new" / "losses.png")
    assert image.shape == (400, 600, 3)
    # Two lines in colour; speed and waiting are no losses.
    assert coloured(image) > 500
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["losses.png"]


def test_speed_and_waiting_are_not_drawn(tmp_path):
    history = tmp_path / "history.csv"
    pictures = []
    for speed in (100.0, 90000.0):
        history.write_text(HEADER + "".join(f"{n},0.5,0.7,{speed},0.1\n" for n in (1, 2, 3)))
        save_loss_curves({"refine": history}, tmp_path / "losses.png")
        pictures.append(pixels(tmp_path / "losses.png"))
    np.testing.assert_array_equal(*pictures)


def test_each_phase_has_its_panel(tmp_path):
    histories = {name: write_history(tmp_path / f"{name}.csv") for name in ("prefit", "refine")}
    save_loss_curves(histories, tmp_path / "losses.png")
    image = pixels(tmp_path / "losses.png")
    assert image.shape == (400, 1200, 3)
    assert min(coloured(image[:, :600]), coloured(image[:, 600:])) > 500


@pytest.mark.parametrize("content", [None, "", HEADER])
def test_a_phase_that_has_no_rows_is_left_out(content, tmp_path):
    empty = tmp_path / "empty.csv"
    if content is not None:
        empty.write_text(content, encoding="utf-8")
    histories = {"prefit": empty, "refine": write_history(tmp_path / "history.csv")}
    save_loss_curves(histories, tmp_path / "losses.png")
    assert pixels(tmp_path / "losses.png").shape == (400, 600, 3)


def test_nothing_to_draw_is_refused(tmp_path):
    with pytest.raises(ValueError, match="Received: histories="):
        save_loss_curves({"refine": tmp_path / "history.csv"}, tmp_path / "losses.png")
    assert not list(tmp_path.iterdir())


def test_an_old_picture_is_replaced(tmp_path):
    path = tmp_path / "losses.png"
    path.write_bytes(b"old")
    save_loss_curves({"refine": write_history(tmp_path / "history.csv")}, path)
    assert pixels(path).shape == (400, 600, 3)
