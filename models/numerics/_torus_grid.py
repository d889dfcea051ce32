"""Fokker-Planck equation on an equidistant periodic grid: the reference for the Fourier modes.

Conservative central differences: what leaves a cell through a face enters the next one. An error is of second
order in the spacing; densities stay positive as long as abs(v) h < 2 D.
"""

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spl
import xarray as xr

from models.numerics._threads import one_thread
from models.numerics._torus import PhaseDiffusion

__all__ = ["finite_difference_phases", "grid_moment"]


def _balance(equation: PhaseDiffusion, points: int) -> sp.csc_array:
    """Return the matrix of dP/dt on the grid."""
    spacing, cells = 2 * np.pi / points, points**equation.phases
    angles = -np.pi + spacing * np.arange(points)
    mesh = np.meshgrid(*[angles] * equation.phases, indexing="ij")
    one, result = sp.eye_array(cells), sp.csr_array((cells, cells))
    for j, diffusion in enumerate(equation.diffusion):
        at_face = [x + spacing / 2 * (i == j) for i, x in enumerate(mesh)]
        velocity = sp.diags_array(np.ravel(equation.velocity(*at_face)[j]))
        beyond = np.roll(np.arange(cells).reshape(mesh[0].shape), -1, axis=j).ravel()
        next_cell = sp.csr_array((np.ones(cells), (np.arange(cells), beyond)))
        flux = velocity @ (one + next_cell) / 2 - diffusion / spacing * (next_cell - one)
        result = result - (one - next_cell.T) @ flux / spacing
    return result.tocsc()


def _populated(equation: PhaseDiffusion, points: int) -> int:
    """Return a cell that noiseless phases end in or pass: one with a density that can be scaled by."""
    theta = np.zeros(equation.phases)
    fastest = max(sum(abs(w.amplitude) for w in waves) for waves in equation.drift)
    for _ in range(2000 if fastest > 0 else 0):
        theta = theta + 0.05 / fastest * np.array(equation.velocity(*theta))
    index = np.round((theta + np.pi) * points / (2 * np.pi)).astype(int) % points
    return int(np.ravel_multi_index(tuple(index), (points,) * equation.phases))


def finite_difference_phases(equation: PhaseDiffusion, points: int) -> xr.DataArray:
    """Return the stationary density on a grid of angles from -pi on, the end point not repeated.

    Parameters
    ----------
    equation : PhaseDiffusion
        Drift and diffusion.
    points : int
        Points per phase.

    Returns
    -------
    DataArray
        As `phase_density` returns it, ``method`` and ``residual`` in attrs: the largest rate of change left
        over the largest rate of a cell times the largest density.

    Raises
    ------
    ValueError
        If there are fewer than three points.
    """
    if points < 3:
        raise ValueError(f"points is {points}; a grid takes at least 3 per phase.")
    matrix = _balance(equation, points)
    scale = _populated(equation, points)
    others = np.delete(np.arange(matrix.shape[0]), scale)
    into = matrix[:, [scale]].toarray()[others, 0]
    density = np.ones(matrix.shape[0])
    with one_thread():
        inner = spl.splu(
            matrix[others][:, others].tocsc(),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.01,
            options={"SymmetricMode": True},
        )
        density[others] = inner.solve(-into)
    spacing = 2 * np.pi / points
    density /= density.sum() * spacing**equation.phases
    residual = np.abs(matrix @ density).max() / (np.abs(matrix.data).max() * np.abs(density).max())
    angles = -np.pi + spacing * np.arange(points)
    names = [f"theta_{j + 1}_rad" for j in range(equation.phases)]
    axes = {name: (name, angles, {"units": "rad"}) for name in names}
    attrs = {
        "units": "1/rad" if equation.phases == 1 else "1/rad^2",
        "method": "conservative finite differences, sparse LU",
        "residual": float(residual),
    }
    return xr.DataArray(density.reshape((points,) * equation.phases), axes, names, "density", attrs)


def grid_moment(density: xr.DataArray, *orders: int) -> complex:
    """Return <exp(i orders . theta)> of a density on a grid."""
    wave = sum(s * density[f"theta_{j}_rad"] for j, s in enumerate(orders, start=1))
    weighted = density * np.exp(1j * wave)
    return complex(weighted.sum() * (2 * np.pi / density.sizes["theta_1_rad"]) ** len(orders))
