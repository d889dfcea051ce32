from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
# The tests run every cell, but with less effort than the stored outputs were made with.
SHORTER = {
    "detuning_scan": [("--steps 31", "--steps 15")],
    "heterodyne": [
        ("CURRENTS_2_UA = 9, [22.0, 22.75, 23.5, 25.5, 28.0]", "CURRENTS_2_UA = 4, [23.5]"),
        ("[19.5, 20.0, 20.5, 21.0, 22.0, 24.0, 27.0, 31.0, 36.0, 41.0]", "[30.0]"),
    ],
    "micropillars": [("EFFORT = 1 ", "EFFORT = 0.4 ")],
    "photon_correlations": [("EFFORT = 1.0 ", "EFFORT = 0.05 ")],
}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path, tmp_path):
    text = path.read_text()
    for long, short in SHORTER[path.stem]:
        assert text.count(long) == 1
        text = text.replace(long, short)
    notebook = nbformat.reads(text, as_version=4)
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    outputs = [out for cell in notebook.cells if cell.cell_type == "code" for out in cell.outputs]
    assert any("image/png" in out.get("data", {}) for out in outputs)
    assert not any(out.output_type == "error" for out in outputs)
