import math

import pytest

from models.numerics import TruncationError, TruncationWarning, check_truncation


@pytest.mark.parametrize("weight", [0.0, 1e-8, -1e-17])
def test_a_negligible_weight_passes_in_silence(weight, recwarn):
    assert check_truncation(weight, "the field at 20 Fock states") == weight
    assert not recwarn.list


def test_a_weight_that_is_not_negligible_is_named_and_passes():
    with pytest.warns(TruncationWarning, match=r"the field at 20 Fock states hold the weight 2e-06"):
        assert check_truncation(2e-6, "the field at 20 Fock states") == 2e-6


@pytest.mark.parametrize("weight", [2e-4, 1.0, math.nan, math.inf])
def test_a_large_weight_is_refused(weight):
    with pytest.raises(TruncationError, match="the field at 3 Fock states.*keep more levels"):
        check_truncation(weight, "the field at 3 Fock states")


def test_the_limits_can_be_moved():
    assert check_truncation(2e-3, "the field", warn_above=1e-2, refuse_above=1e-1) == 2e-3
    with pytest.raises(TruncationError):
        check_truncation(2e-3, "the field", refuse_above=1e-3)
