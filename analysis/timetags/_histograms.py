"""Histograms in PicoQuant's .phu files."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from analysis.timetags._errors import TagFileError
from analysis.timetags._unified import read_header

__all__ = ["read_histograms"]

_MOST_BINS = 1 << 24


def read_histograms(path: Path | str) -> xr.Dataset:
    """Read the histograms of a .phu file.

    Returns
    -------
    xarray.Dataset
        ``counts`` (curve, bin) int64 and ``delay_ns`` (curve, bin), left edges of the bins;
        ``resolution_ps`` and ``input`` (curve). Curves shorter than the longest one end in zero counts and
        NaN delays.

    Raises
    ------
    TagFileError
        If the file is damaged.
    """
    path = Path(path)
    tags, offset = read_header(path, b"PQHISTO")
    curves = tags.get("HistoResult_NumberOfCurves")
    if not isinstance(curves, int) or isinstance(curves, bool) or not 0 < curves <= 4096:
        raise TagFileError(path, offset, f"the header says {curves} curves; 1 to 4096 are possible")
    bins = [_of(path, offset, tags, "HistResDscr_HistogramBins", k) for k in range(curves)]
    starts = [_of(path, offset, tags, "HistResDscr_DataOffset", k, 0) for k in range(curves)]
    resolution = np.array([_of(path, offset, tags, "HistResDscr_MDescResolution", k) for k in range(curves)])
    inputs = [_of(path, offset, tags, "HistResDscr_HWInpChan", k, k) for k in range(curves)]
    if not all(isinstance(n, int) and n > 0 for n in bins) or curves * max(bins) > _MOST_BINS:
        raise TagFileError(path, offset, "a histogram has an impossible number of bins")
    if not np.all((resolution > 1e-15) & (resolution < 1)):
        raise TagFileError(path, offset, "a histogram has an impossible resolution")
    size, at = path.stat().st_size, offset
    begins = []
    for curve, (n, start) in enumerate(zip(bins, starts, strict=True)):
        # older programs leave the offset out; the curves then follow each other
        begins.append(start if isinstance(start, int) and start >= offset else at)
        at = begins[-1] + 4 * n
        if at > size:
            held = max(size - begins[-1], 0)
            raise TagFileError(path, size, f"curve {curve} needs {4 * n} bytes; the file has {held}")
    counts = np.zeros((curves, max(bins)), np.int64)
    delay = np.full(counts.shape, np.nan)
    with path.open("rb") as file:
        for curve, (n, begin) in enumerate(zip(bins, begins, strict=True)):
            file.seek(begin)
            counts[curve, :n] = np.frombuffer(file.read(4 * n), "<u4")
            delay[curve, :n] = np.arange(n) * resolution[curve] * 1e9
    return xr.Dataset(
        {
            "counts": (("curve", "bin"), counts, {"units": "counts"}),
            "delay_ns": (("curve", "bin"), delay, {"units": "ns"}),
            "resolution_ps": ("curve", resolution * 1e12, {"units": "ps"}),
            "input": ("curve", np.array(inputs)),
        },
        attrs={"source": path.name, "format": "PicoQuant PHU"},
    )


def _of(path: Path, offset: int, tags: dict[str, Any], name: str, curve: int, default: Any = None) -> Any:
    """Return the value of a tag for a curve."""
    values = tags.get(name)
    value = values.get(curve, default) if isinstance(values, dict) else default
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TagFileError(path, offset, f"the header has no number {name} for curve {curve}")
    return value
