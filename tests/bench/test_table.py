"""A bench's figures for people."""

from tapetum.bench.table import lines


def test_figures_stand_in_lines_and_rows_in_a_table():
    found = lines(
        {
            "asked_share": 0.03,
            "methods": [{"method": "ours", "median_ms": 1.5}, {"method": "theirs", "median_ms": None}],
        }
    )
    assert found == ["asked share  0.03", "", "method  median ms", "ours    1.5", "theirs  -"]


def test_a_span_is_told_as_one():
    assert lines({"in_view_s": [6.6, 19.4]}) == ["in view s  6.6 to 19.4"]
