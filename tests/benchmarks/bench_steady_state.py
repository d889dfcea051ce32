"""Steady state of two coupled van der Pol oscillators, against the best stock method of QuTiP for each case.

15 Fock states each. Driven, QuTiP's GMRES with an incomplete factorisation is its best (direct factorisation
does not end within minutes); without drive, its direct factorisation. CPU times; both must agree in the
photon number.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import qutip

from models.numerics import steady_state

LEVELS = 15
ITERATIVE = {"method": "iterative-gmres", "use_precond": True, "use_rcm": True, "rtol": 1e-8}
CASES = {
    "with phase symmetry": (0.0, 5, {"method": "direct"}),
    "driven": (0.3, 1, ITERATIVE),
}


def liouvillian(drive: float, levels: int) -> tuple[qutip.Qobj, qutip.Qobj]:
    """Return the Liouvillian and the photon number of the first oscillator."""
    a = qutip.tensor(qutip.destroy(levels), qutip.qeye(levels))
    b = qutip.tensor(qutip.qeye(levels), qutip.destroy(levels))
    h = 0.25 * (a.dag() * a - b.dag() * b) + drive * (a + a.dag() + b + b.dag())
    jumps = [a.dag(), b.dag(), 0.5**0.5 * a**2, 0.5**0.5 * b**2, 0.3**0.5 * (a - b)]
    return qutip.liouvillian(h, jumps), a.dag() * a


def benchmarks() -> Iterator[dict[str, Any]]:
    for name, (drive, rounds, stock) in CASES.items():
        generator, photons = liouvillian(drive, LEVELS)
        ours, peer = [], []
        for _ in range(rounds):
            ours.append(_cpu_s(lambda g=generator: steady_state(g)))
            peer.append(_cpu_s(lambda g=generator, s=stock: qutip.steadystate(g, **s)))
        value, stock_value = ours[0][1].expect(photons).real, qutip.expect(photons, peer[0][1])
        if not np.isclose(value, stock_value, rtol=0, atol=1e-5):
            raise RuntimeError(f"QuTiP finds {stock_value} photons, we find {value}")
        median, stock_median = (float(np.median([s for s, _ in times])) for times in (ours, peer))
        yield {
            "name": f"steady state, two oscillators, {name}",
            "value": median,
            "unit": "s",
            "peer": f"QuTiP {stock['method']}",
            "peer_value": stock_median,
            "ratio": stock_median / median,
        }


def _cpu_s(action: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.process_time()
    result = action()
    return time.process_time() - begun, result
