"""How a number with its error is written."""

import math

import pytest

from analysis._values import Value


@pytest.mark.parametrize(
    ("value", "std", "text"),
    [
        (0.3834, 0.0102, "0.383 ± 0.010"),
        (-104.8, 23.0, "-105 ± 23"),
        (0.0, 57940.0, "0 ± 57940"),
        (1888860861.0, 182641681.0, "(1.89 ± 0.18)e9"),
        (104829757.0, 110.0, "(1.0482976 ± 0.0000011)e8"),
        (1.366e-13, 0.021e-13, "(1.366 ± 0.021)e-13"),
        (2e-9, 3e-7, "(0.0 ± 3.0)e-7"),
        (5.0, 0.0, "5"),
        (math.nan, 1.0, "-"),
    ],
)
def test_a_number_is_written_to_two_digits_of_its_error(value, std, text):
    assert str(Value(value, std)) == text
