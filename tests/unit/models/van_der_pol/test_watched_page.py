"""The page on beat notes shows a watched oscillator: its code runs and finds what it says."""

import re
from pathlib import Path

import numpy as np

PAGE = Path(__file__).parents[4] / "docs" / "heterodyne.md"


def test_the_code_of_the_page_finds_the_light_on_a_floor_of_one(tmp_path):
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL).group(1)
    names = {}
    exec(code, names)
    found, expected = names["found"], names["expected"]
    ratio = found.power_density.mean("channel").values / expected
    beside = abs(found.frequency_hz.values) > 0.3  # the mean of each segment is gone
    ratio, expected = ratio[beside], expected[beside]
    looks = 4 * found.attrs["looks"]
    shared = 1.94 / looks  # neighbours of a Hann window share noise
    assert abs(ratio.mean() - 1) < 3.5 * (shared / ratio.size) ** 0.5
    line = expected > 1.5
    assert line.sum() > 4
    assert abs(ratio[line].mean() - 1) < 3.5 * (shared / line.sum()) ** 0.5
    assert expected.max() > 3
    photons = names["data"].photons.values
    assert (abs(names["data"].amplitude.values) ** 2 <= photons * (1 + 1e-6)).all()
    cycle = abs(names["data"].amplitude.values[0])
    assert 0.3 < np.median(cycle) < 1.2  # |alpha|^2 = 1 on the cycle without noise
    names["figure"].savefig(tmp_path / "watched.png")
