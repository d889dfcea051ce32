"""What the division of the tests among processes relies on."""

import os

import pytest


@pytest.mark.xdist_group("together")
def test_tests_that_share_an_expensive_result_stay_in_one_process(request):
    # some versions of pytest and pytest-xdist ignore groups silently, and shared results are made many times
    divided = "PYTEST_XDIST_WORKER" in os.environ
    assert request.node.nodeid.endswith("@together") == divided
