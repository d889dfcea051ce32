"""Voltage records of digitisers in their common form."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from instruments.errors import Interlock

__all__ = ["voltage_record"]


def voltage_record(
    where: str,
    channels: Sequence[int],
    rows: Sequence[np.ndarray],
    time_s: np.ndarray,
    clipped: Sequence[bool],
    *,
    accept_clipped: bool,
    **attrs: float,
) -> xr.Dataset:
    """Return `voltage_v(channel, time_s)` in V, float32, with `sample_rate_hz` and `clipped` in attrs.

    Raises
    ------
    Interlock
        A channel was clipped, and clipped records were not asked for.
    """
    names = ", ".join(str(channel) for channel, bad in zip(channels, clipped, strict=True) if bad)
    if names and not accept_clipped:
        raise Interlock(
            f"{where}: channel {names} reached the end of the converter's range, so its voltages are wrong; "
            "enlarge the range or weaken the signal, or accept clipped records."
        )
    return xr.Dataset(
        {"voltage_v": (("channel", "time_s"), np.asarray(rows, dtype=np.float32), {"units": "V"})},
        coords={"channel": list(channels), "time_s": ("time_s", time_s, {"units": "s"})},
        attrs={
            "sample_rate_hz": float((len(time_s) - 1) / (time_s[-1] - time_s[0])),
            "clipped": [int(bad) for bad in clipped],
            **attrs,
        },
    )
