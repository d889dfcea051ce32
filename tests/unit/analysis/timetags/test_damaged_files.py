"""Damaged files give a stream or one typed error, nothing else; the same as tests/fuzz_tags.py, in short."""

import importlib.util
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[3] / "fuzz_tags.py"


@pytest.fixture(scope="module")
def fuzz():
    spec = importlib.util.spec_from_file_location("fuzz_tags", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz_tags"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed", [1, 2])
def test_a_few_hundred_damaged_files_of_every_kind(fuzz, tmp_path, seed):
    outcome = fuzz.run(tmp_path, seed, files=300)
    assert outcome.files == 300
    assert outcome.refused > 20
    assert outcome.read > 20
