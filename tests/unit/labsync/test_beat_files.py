"""Traces of spectrum analysers in text files."""

import numpy as np
import pytest
from scipy.special import voigt_profile

from labsync.beat_files import fit_trace
from labsync.errors import UsageError


@pytest.fixture
def trace(tmp_path):
    def write(lines):
        path = tmp_path / "trace.txt"
        path.write_text("\n".join(["% analyser; HZ; DBM", *lines]) + "\n")
        return path

    return write


def rows(seed, width_hz, resolution_hz=3e5):
    frequency = np.linspace(50e6, 70e6, 401)
    line = voigt_profile(frequency - 61.3e6, resolution_hz / 2.3548, width_hz / 2)
    power = (1e-7 + line / line.max()) * np.random.default_rng(seed).gamma(100, 0.01, 401)
    return [f"{f:.1f}\t{10 * np.log10(p):.4f}" for f, p in zip(frequency, power, strict=True)]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_line_of_a_trace_gets_its_width_without_that_of_the_filter(trace, seed):
    line = fit_trace(trace(rows(seed, 5e5)), 3e5).as_dict()
    centre, width = line["centre_hz"], line["width_hz"]
    assert centre["value"] == pytest.approx(61.3e6, abs=4 * centre["std"])
    assert width["value"] == pytest.approx(5e5, abs=4 * width["std"])
    assert width["std"] < 2e4
    assert line["width_bound_hz"] is None


def test_units_of_a_heading_hold_for_a_trace(tmp_path):
    lines = [[float(each) for each in row.split()] for row in rows(1, 5e5)]
    path = tmp_path / "trace.csv"
    text = "\n".join(f"{1e-6 * f:.7f};{p:.4f}" for f, p in lines).replace(".", ",")
    path.write_text(f"Frequency;Level\nMHz;dBm\n{text}\n")
    centre = fit_trace(path, 3e5).as_dict()["centre_hz"]
    assert centre["value"] == pytest.approx(61.3e6, abs=4 * centre["std"])


def test_a_line_as_wide_as_the_filter_gets_a_bound(trace):
    line = fit_trace(trace(rows(3, 2e3)), 3e5).as_dict()
    assert line["width_hz"] == {"value": None, "std": None}
    assert 2e3 < line["width_bound_hz"] <= 3e5


@pytest.mark.parametrize(
    ("lines", "resolution_hz", "sentence"),
    [
        (rows(1, 1e5), None, "does not tell its resolution bandwidth; give it with --resolution-hz"),
        (rows(1, 1e5), 2e7, "does not fit a span of 2e.07 Hz"),
        (rows(1, 1e5), 1.0, "points of trace.txt lie 50000 Hz apart"),
        ([], 1e5, "has no row of numbers"),
        (rows(1, 1e5)[:9], 1e5, "holds 9 points"),
        (["1 -60", "Time,Frequency"], 1e5, "line 3: 'Time,Frequency' is no row of numbers"),
        (["1 -60 3", "2 -60 3"], 1e5, "has 3 columns; a trace has Hz and dBm"),
        (rows(1, 1e5)[::-1], 1e5, "do not rise throughout"),
        ([f"{k} -60" for k in range(99)], 10, "all levels are -60 dBm"),
        ([f"{k} nan" for k in range(99)], 10, "values outside -250 to 60 dBm"),
        ([f"{k} {-60 + 0.01 * (k % 2)}" for k in range(99)], 10, "No line stands out"),
    ],
)
def test_what_is_no_trace_is_refused_in_a_sentence(trace, lines, resolution_hz, sentence):
    with pytest.raises(UsageError, match=sentence):
        fit_trace(trace(lines), resolution_hz)
