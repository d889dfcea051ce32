import numpy as np
import pytest
import qutip
import scipy.linalg as la
import scipy.sparse as sp
from qutip import piqs

from models.numerics import ConvergenceError, steady_state
from models.numerics._jump_gmres import between_jumps, resolvent
from models.numerics._liouvillian import as_liouvillian

LOWER = qutip.destroy(2)


def two_oscillators(levels, drive):
    a = qutip.tensor(qutip.destroy(levels), qutip.qeye(levels))
    b = qutip.tensor(qutip.qeye(levels), qutip.destroy(levels))
    h = 0.25 * (a.dag() * a - b.dag() * b) + drive * (a + a.dag() + b + b.dag())
    jumps = [a.dag(), b.dag(), 0.5**0.5 * a**2, 0.5**0.5 * b**2, 0.3**0.5 * (a - b)]
    return (h, jumps), a.dag() * a, a.dag() * b


def spins(number, drive=0.0):
    system = piqs.Dicke(number, emission=1, dephasing=0.1, pumping=0.5, collective_emission=4 / number)
    system.hamiltonian = drive * piqs.jspin(number, "x")
    return system.liouvillian(), piqs.jspin(number, "+") * piqs.jspin(number, "-")


def null_vector(model):
    """Return the steady state from a dense singular value decomposition, another way altogether."""
    dense = qutip.liouvillian(*model).full()
    n = round(len(dense) ** 0.5)
    rho = la.svd(dense)[2][-1].conj().reshape(n, n, order="F")
    return rho / np.trace(rho)


@pytest.mark.parametrize("method", ["direct", "jump-gmres", "evolution"])
def test_each_method_finds_the_null_vector_of_a_dense_decomposition(method):
    model, photons, _ = two_oscillators(4, 0.3)
    found = steady_state(model, method, tolerance=1e-12)
    assert found.method == method
    assert found.rho == pytest.approx(null_vector(model), abs=1e-9)
    assert found.residual < 1e-11 * 20
    assert found.expect(photons) == pytest.approx(qutip.expect(photons, found.qobj), abs=1e-12)


def test_two_oscillators_with_phase_symmetry_have_the_known_steady_state():
    model, number, hop = two_oscillators(15, 0.0)
    found = steady_state(model)
    assert (found.method, found.unknowns) == ("direct", 2255)
    assert found.expect(number) == pytest.approx(1.345980, abs=5e-7)
    assert found.expect(hop) == pytest.approx(0.30960 + 0.18789j, abs=1e-5)


def test_two_driven_oscillators_have_the_known_steady_state():
    model, number, _ = two_oscillators(12, 0.3)
    found = steady_state(model)
    assert (found.method, found.unknowns) == ("jump-gmres", 144**2)
    assert found.expect(number) == pytest.approx(1.529098, abs=5e-7)
    assert found.residual < 1e-8


@pytest.mark.parametrize(
    ("number", "drive", "expected", "tolerance"),
    [(10, 0.0, 1.58960, 5e-6), (30, 0.0, 5.204355, 5e-6), (30, 0.5, 8.27218, 1e-5)],
)
def test_collective_spins_have_the_steady_state_that_stock_solvers_miss(number, drive, expected, tolerance):
    generator, emission = spins(number, drive)
    assert steady_state(generator).expect(emission) == pytest.approx(expected, abs=tolerance)


def test_a_sparse_liouvillian_operators_and_matrices_give_the_same_state():
    (h, jumps), *_ = two_oscillators(3, 0.2)
    generator = qutip.liouvillian(h, jumps)
    wanted = steady_state((h, jumps)).rho
    as_sparse = sp.csc_matrix(generator.full())
    for model in (
        generator,
        as_sparse,
        generator.full(),
        (h.full(), [sp.coo_array(j.full()) for j in jumps]),
    ):
        assert steady_state(model).rho == pytest.approx(wanted, abs=1e-12)
    assert steady_state(generator).qobj.dims == h.dims


def test_a_cavity_that_only_decays_ends_in_vacuum_by_every_method():
    a = qutip.destroy(5)
    for method in ("direct", "jump-gmres", "evolution"):
        rho = steady_state((a.dag() * a, [a]), method).rho
        assert rho == pytest.approx(np.diag([1, 0, 0, 0, 0]), abs=1e-10)


def test_at_an_exceptional_point_the_schur_form_replaces_eigenvectors():
    # the no-jump evolution of a driven two-level emitter has one eigenvector only at drive = gamma/4
    model = (0.25 * (LOWER + LOWER.dag()), [LOWER])
    k = between_jumps(as_liouvillian(model))
    assert np.linalg.cond(la.eig(k)[1]) > 1e6
    x = np.array([[1.0, 2 - 1j], [2 + 1j, -3.0]])
    k -= 0.1 * np.eye(2)
    rho = resolvent(k)(x)
    assert k @ rho + rho @ k.conj().T == pytest.approx(x, abs=1e-10)
    drive_squared = 0.5**2
    assert steady_state(model, "jump-gmres").expect(LOWER.dag() * LOWER) == pytest.approx(
        drive_squared / (1 + 2 * drive_squared), abs=1e-10
    )


@pytest.mark.parametrize("method", ["auto", "jump-gmres", "evolution"])
def test_populations_that_keep_their_weight_apart_are_refused(method):
    a = qutip.destroy(6)  # two photons at a time: even and odd numbers never mix
    with pytest.raises(ConvergenceError, match="not unique: the populations fall into 2 groups"):
        steady_state((a.dag() * a, [a * a]), method)


def test_two_states_without_a_way_out_are_refused():
    to_first, to_second = (
        qutip.basis(3, 0) * qutip.basis(3, 2).dag(),
        qutip.basis(3, 1) * qutip.basis(3, 2).dag(),
    )
    with pytest.raises(ConvergenceError, match="2 groups"):
        steady_state((0 * qutip.qeye(3), [to_first, to_second]))


@pytest.mark.parametrize("method", ["direct", "jump-gmres", "evolution"])
def test_a_dark_state_hidden_by_the_choice_of_basis_is_refused(method):
    first, second = qutip.tensor(LOWER, qutip.qeye(2)), qutip.tensor(qutip.qeye(2), LOWER)
    both = first + second  # the singlet neither decays nor is driven
    with pytest.raises(ConvergenceError, match="not unique: two starts end in states that differ"):
        steady_state((0.3 * (both + both.dag()), [both]), method)


def test_a_state_that_misses_the_tolerance_is_refused_with_what_was_reached():
    # a coherent state is dark and the evolution between jumps far from normal: GMRES stagnates
    a = qutip.destroy(18)
    with pytest.raises(
        ConvergenceError, match=r"The residual is .* by jump-gmres; it must be below 1.\d*e-10"
    ):
        steady_state((a + a.dag(), [a]), "jump-gmres")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (np.eye(3), r"the shape \(3, 3\); it must be \(n\^2, n\^2\)"),
        (-np.eye(4), "does not conserve the trace: it leaks at the rate 1"),
        (np.full((4, 4), np.nan), "not finite"),
        (LOWER, "must be a super-operator"),
        ((LOWER, [LOWER]), "The Hamiltonian is not Hermitian"),
        ((qutip.qeye(3), [LOWER]), r"the shapes \(3, 3\), \(2, 2\); all must be square and equal"),
        ((LOWER,), "a tuple of 1"),
        (np.diag([0, 1j, 1j, 0]), "does not keep density matrices Hermitian"),
        ("L", "a str; it must be a matrix or a QuTiP object"),
    ],
)
def test_what_is_no_master_equation_is_refused_in_a_sentence(model, message):
    with pytest.raises(ValueError, match=message):
        steady_state(model)


def test_unknown_methods_and_impossible_tolerances_are_refused():
    with pytest.raises(ValueError, match="'power'; it must be auto, direct, jump-gmres, evolution"):
        steady_state((LOWER.dag() * LOWER, [LOWER]), "power")
    with pytest.raises(ValueError, match="tolerance is 0; it must be positive"):
        steady_state((LOWER.dag() * LOWER, [LOWER]), tolerance=0)


@pytest.mark.parametrize("method", ["auto", "direct", "jump-gmres", "evolution"])
def test_a_single_state_is_its_own_steady_state(method):
    found = steady_state((np.array([[3.0]]), []), method=method)
    assert found.rho == 1
    assert found.residual == 0


def test_a_negative_rate_whose_steady_state_has_negative_populations_is_refused():
    down = np.array([[0, 1], [0, 0]])
    rates = np.zeros((4, 4))
    # populations 2 and -1: fed upwards at the rate -2, downwards at 1
    for rate, jump in ((1, down), (-2, down.T)):
        kept = jump.T @ jump
        one = np.eye(2)
        rates += rate * (np.kron(jump, jump) - (np.kron(one, kept) + np.kron(kept, one)) / 2)
    with pytest.raises(ValueError, match="has the eigenvalue -1: .* rates must not be negative"):
        steady_state(rates)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ([np.eye(2), []], r"The model is a list; it must be a super-operator or the tuple"),
        ((np.eye(2), np.eye(2)), "are a single operator; they must be a list"),
        ((np.eye(2), qutip.destroy(2)), "are a single operator; they must be a list"),
    ],
    ids=["list", "array", "qutip"],
)
def test_collapse_operators_come_as_a_list_in_a_tuple(model, said):
    with pytest.raises(ValueError, match=said):
        steady_state(model)
