"""Fokker-Planck equation of the two photon numbers of one pillar.

The carriers follow the light quickly (at 13/ns or more, against a few per ns of net gain), so they are
replaced by their stationary values at the momentary photon numbers u_s, u_w. The light alone then obeys, with
f_j = G_j (2 rho - 1) - kappa_j and R = 2 Z beta rho^2/tau_sp,

    du_j = (2 f_j u_j + R) dt + sqrt(2 R u_j) dW_j

(H. Risken, The Fokker-Planck Equation, ch. 12, for one mode). Rates: Kreinberg et al., Nat. Commun. 10, 1539
(2019), Eqs. 4-9.
"""

import numpy as np
from scipy import sparse
from scipy.integrate import cumulative_trapezoid
from scipy.optimize import brentq
from scipy.sparse.linalg import SuperLU, splu

from models.micropillars.equations import Rates

_TAIL = 18.0  # the grid ends where the density has fallen by exp(-18)


class Light:
    """The equation as a Markov chain between the cells of a grid.

    Parameters
    ----------
    rates
        Of a pillar that is pumped.
    cells
        Per mode: equidistant in sqrt(u), until `refine` moves them to where the light is.
    """

    def __init__(self, rates: Rates, cells: int) -> None:
        self.rates, self.cells = rates, cells
        self._occupation = _occupation(rates)
        (self._peak, strong), (_, weak) = self._reach(0), self._reach(1)
        self._place([np.linspace(0.0, np.sqrt(reach), cells + 1) for reach in (strong, weak)])

    def _place(self, amplitudes: list[np.ndarray]) -> None:
        self.faces = [r**2 for r in amplitudes]
        self.centres = [0.5 * (f[1:] + f[:-1]) for f in self.faces]
        self.mesh = self.centres[0][:, None], self.centres[1][None, :]

    def refine(self, weight: np.ndarray) -> None:
        """Move the cells, guided by the probability of each: half of them evenly, half to where it is."""
        amplitudes = []
        for axis, faces in enumerate(self.faces):
            r = np.sqrt(faces)
            density = np.cbrt(weight.sum(axis=1 - axis) / np.diff(r))
            share = 0.5 * density * np.diff(r) / (density @ np.diff(r)) + 0.5 * np.diff(r) / r[-1]
            amplitudes.append(
                np.interp(np.linspace(0.0, 1.0, self.cells + 1), np.append(0.0, np.cumsum(share)), r)
            )
        self._place(amplitudes)

    def net(self, strong: np.ndarray, weak: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        """Return the net gains f of both modes and the noise rate R in 1/ns at given photon numbers."""
        r = self.rates
        gain_s = r.gain_s / (1.0 + r.a_ss * strong + r.a_sw * weak)
        gain_w = r.gain_w / (1.0 + r.a_ws * strong + r.a_ww * weak)
        rho = np.interp((gain_s * strong + gain_w * weak) * r.per_dot, *self._occupation)
        inversion = 2.0 * rho - 1.0
        return (gain_s * inversion - r.loss_s, gain_w * inversion - r.loss_w), (r.noise * rho) ** 2

    def _reach(self, mode: int) -> tuple[float, float]:
        """Return where the density of one mode without the other peaks and where it has died out."""
        u = np.geomspace(1e-7, 1e4, 1500)
        nets, noise = self.net(*((u, 0.0 * u) if mode == 0 else (0.0 * u, u)))
        exponent = cumulative_trapezoid(2.0 * nets[mode] / noise, u, initial=0.0) - np.log(noise)
        peak = int(np.argmax(exponent))
        gone = peak + int(np.argmax(exponent[peak:] < exponent[peak] - _TAIL))
        fall, ends = exponent[peak] - exponent[gone - 1 : gone + 1], np.log(u[gone - 1 : gone + 1])
        # interpolated, so that the grid and with it the result change smoothly with the parameters
        return float(u[peak]), float(np.exp(np.interp(_TAIL, fall, ends)))

    def chain(self, weighted: int | None = None) -> sparse.csc_matrix:
        """Return the rates between cells in 1/ns; columns sum to zero.

        The fluxes are exact for constant drift and noise between two cells (D. L. Scharfetter and
        H. K. Gummel, IEEE Trans. Electron Devices 16, 64 (1969)).

        Parameters
        ----------
        weighted
            For this mode (0 or 1) the density is multiplied by the mode's photon number, as the
            correlation of its field needs it.
        """
        n = self.cells
        index = np.arange(n * n).reshape(n, n)
        _, noise = self.net(*self.mesh)
        rows, columns, values = [], [], []
        for axis in (0, 1):
            along = (slice(None), None) if axis == 0 else (None, slice(None))
            power = 2 if axis == weighted else 1
            face, centre = self.faces[axis][1:-1][along], self.centres[axis]
            nets, noise_at = self.net(*((face, self.mesh[1]) if axis == 0 else (self.mesh[0], face)))
            distance = np.diff(centre)[along]
            z = 2.0 * nets[axis] / noise_at * distance
            density = noise / (centre ** (power - 1) * np.diff(self.faces[axis]))[along]
            low, high = (_part(axis, piece) for piece in (slice(0, -1), slice(1, None)))
            for source, target, sign in ((low, high, -1.0), (high, low, 1.0)):
                rate = face**power / distance * _bernoulli(sign * z) * density[source]
                rows += [index[target].ravel(), index[source].ravel()]
                columns += [index[source].ravel()] * 2
                values += [rate.ravel(), -rate.ravel()]
        triplets = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
        return sparse.csc_matrix(triplets, shape=(n * n, n * n))

    def stationary(self) -> np.ndarray:
        """Return the stationary probability of every cell, shape (strong, weak)."""
        n = self.cells
        chain = self.chain()
        likely = n * int(np.searchsorted(self.faces[0][1:-1], self._peak))
        rest = np.delete(np.arange(n * n), likely)
        weight: np.ndarray = np.ones(n * n)
        weight[rest] = factorise(chain[rest][:, rest]).solve(-chain[rest][:, [likely]].toarray()[:, 0])
        weight = np.maximum(weight, 0.0).reshape(n, n)
        return weight / weight.sum()


def factorise(matrix: sparse.csc_matrix) -> SuperLU:
    """Return the LU factors of a chain; its pattern is symmetric and its diagonal dominant."""
    return splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})


def _part(axis: int, piece: slice) -> tuple[slice, slice]:
    return (piece, slice(None)) if axis == 0 else (slice(None), piece)


def _bernoulli(z: np.ndarray) -> np.ndarray:
    """Return z/(exp(z) - 1)."""
    z = np.clip(z, -500.0, 500.0)
    small = np.abs(z) < 1e-6
    return np.where(small, 1.0 - 0.5 * z, z / np.expm1(np.where(small, 1.0, z)))


def _occupation(rates: Rates) -> tuple[np.ndarray, np.ndarray]:
    """Return stimulated transitions per dot (1/ns, rising) and the occupation rho that they leave.

    With rho chosen, the reservoir's balance is a quadratic in x and the rest follows without iteration.
    """

    def excess(rho: np.ndarray | float) -> np.ndarray:
        decay = rates.capture * (1.0 - rho) + rates.reservoir_decay
        linear = decay + rates.inactive - rates.pump * rates.lifetime
        square = decay * rates.lifetime
        x = (-linear + np.sqrt(linear**2 + 4.0 * square * rates.pump)) / (2.0 * square)
        return np.asarray(x * (1.0 - rho) - rho * rates.decay)

    dark = brentq(lambda rho: float(excess(rho)), 0.0, 1.0, xtol=1e-14)
    rho = dark + (0.5 - dark) * (1.0 - np.geomspace(1.0, 1e-5, 4000))
    stimulated = excess(rho) / (2.0 * rho - 1.0)
    stimulated[0] = 0.0
    return stimulated, rho
