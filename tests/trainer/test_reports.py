"""Reports that open by themselves, and show what went wrong."""

import re
import subprocess
from pathlib import Path
from shutil import which

import numpy as np
import pytest

from tapetum_trainer import reports
from tapetum_trainer.compare import Comparison, compared
from tapetum_trainer.evaluate import Judged, answers, evaluate
from tapetum_trainer.mistakes import drawn, marked, worst
from tests.trainer.labelled import Made, One, perfect, rows, street
from tests.trainer.test_evaluate import THING, noisy

PICTURES = street(6)


def page() -> str:
    found = noisy(PICTURES)
    model = Judged("<script>x</script>", PICTURES.labels, lambda one: found[one[0, 0, 0]])
    return reports.evaluation(evaluate(model, PICTURES), found, PICTURES)


def test_a_page_loads_nothing_and_runs_nothing_that_a_name_says():
    found = page()
    assert "<script" not in found
    assert "&lt;script&gt;x" in found
    assert set(re.findall(r'(?:src|href)="([a-z]+:)', found)) == {"data:"}
    assert "default-src &#39;none&#39;" in found or "default-src 'none'" in found


def test_a_page_has_the_figures_a_curve_of_each_class_and_the_worst_pictures():
    found = page()
    assert found.count("<polyline") == 2
    assert 'aria-label="Precision and recall of car"' in found
    assert found.count("<img") == 6
    for words in ("recall at 0.1 FP", "By size", "The worst mistakes"):
        assert words in found


def test_of_a_perfect_model_no_mistakes_are_shown():
    model = Judged("good", PICTURES.labels, lambda one: perfect(PICTURES)[one[0, 0, 0]])
    found = reports.evaluation(evaluate(model, PICTURES), answers(model, PICTURES), PICTURES)
    assert "The worst mistakes" not in found
    assert "<img" not in found


def test_two_models_are_shown_side_by_side_where_they_differ():
    pair = perfect(PICTURES), [one[:2] if index == 2 else one for index, one in enumerate(perfect(PICTURES))]
    found = compared(("whole", "half"), pair, PICTURES, Comparison(draws=100))
    shown = reports.comparison(found, pair, PICTURES)
    assert "By condition" not in shown
    under = reports.comparison(compared(("whole", "half"), pair, PICTURES, conditions={"night": pair}), pair, PICTURES)
    assert "<h2>By condition</h2>" in under
    assert under.count("<td>night</td>") == 1
    assert shown.count("<img") == 2
    assert "2.png" in shown
    assert "A: 0 wrong, 0 missed, 4 right" in shown
    assert "B: 0 wrong, 2 missed, 2 right" in shown


MARKED = Made(
    ("person", "car"),
    [
        One([THING, (1, 0.6, 0.6, 0.9, 0.9)], [(0, 0.6, 0.1, 0.95, 0.5)]),
        One([THING], unknown=(1,)),
    ],
)


def test_what_is_right_wrong_and_missed_is_told_as_it_is_judged():
    found = marked(
        [
            rows(
                (0, 0.9, *THING[1:]),
                (0, 0.8, *THING[1:]),
                (0, 0.7, 0.65, 0.15, 0.9, 0.45),
                (1, 0.2, 0.6, 0.6, 0.9, 0.9),
            ),
            rows((1, 0.9, *THING[1:])),
        ],
        MARKED,
        [0.5, 0.5],
    )
    kinds = [[(one.kind, one.label) for one in picture.marks] for picture in found]
    assert kinds == [[("right", "person"), ("wrong", "person"), ("missed", "car")], [("missed", "person")]]
    assert [one.index for one in worst(found)] == [0, 1]
    assert found[0].weight == pytest.approx(0.8 + 0.5 + 0.3)


def test_marks_are_drawn_where_they_are():
    (one,) = marked([rows((0, 0.9, 0.25, 0.25, 0.75, 0.75))], Made(("a",), [One()]), [0.5])
    found = drawn(np.zeros((48, 64, 3), np.uint8), one.marks, longest=320)
    assert found.shape == (240, 320, 3)
    assert found[180, 160].tolist() == [240, 120, 40]
    assert found[120, 160].tolist() == [0, 0, 0]


@pytest.mark.long
def test_a_browser_shows_it_without_a_word_of_complaint(tmp_path: Path):
    browser = which("chromium") or pytest.skip("there is no chromium")
    (tmp_path / "page.html").write_text(page())
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
    done = subprocess.run(
        [*command, f"file://{tmp_path}/page.html"], capture_output=True, text=True, timeout=60, check=True
    )
    assert "The worst mistakes" in done.stdout
    assert "CONSOLE" not in done.stderr
