"""Complex lanes for numba: `ComplexVec`, two `Vec` with the operators of a complex number.

`join` and `abs2` exist for numbers as well, in compiled code and in plain Python, so that a function
written with them runs in all three ways.
"""

import operator
from collections.abc import Callable
from typing import Any

from numba.core import types
from numba.core.cgutils import create_struct_proxy
from numba.core.datamodel import models
from numba.extending import intrinsic, make_attribute_wrapper, overload, register_model

from models.numerics.simd import Vec, is_real, where

__all__ = ["ComplexVec", "abs2", "join"]

_intrinsic: Any = intrinsic  # in compiled code it is called without the typing context


class ComplexVec(types.Type):
    """The numba type of complex lanes; `part` is the `Vec` of the real and of the imaginary part."""

    def __init__(self, part: Vec) -> None:
        self.part = part
        super().__init__(name=f"Complex{part.name}")


_COMPLEX = (ComplexVec, types.Complex)


@register_model(ComplexVec)
class _ComplexVecModel(models.StructModel):
    def __init__(self, manager: Any, kind: ComplexVec) -> None:
        super().__init__(manager, kind, [("real", kind.part), ("imag", kind.part)])


make_attribute_wrapper(ComplexVec, "real", "real")
make_attribute_wrapper(ComplexVec, "imag", "imag")


def join(real: float, imag: float) -> complex:
    """Return ``real + i imag``, for numbers, lanes or arrays."""
    return real + 1j * imag


def abs2(z: complex) -> float:
    """Return the squared modulus of `z`, for numbers, lanes or arrays."""
    return z.real * z.real + z.imag * z.imag


@_intrinsic
def _join(typing_context: Any, real: Vec, imag: Vec) -> Any:
    kind = ComplexVec(real)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pair = create_struct_proxy(kind)(context, builder)
        pair.real, pair.imag = args
        return pair._getvalue()

    return kind(real, imag), generate


@overload(join, strict=False, jit_options={"forceinline": True})
def _overload_join(real: types.Type, imag: types.Type) -> Callable | None:
    if isinstance(real, Vec):
        return (lambda real, imag: _join(real, imag)) if real == imag else None
    return lambda real, imag: complex(real, imag)


@overload(abs2, strict=False, jit_options={"forceinline": True})
def _overload_abs2(z: types.Type) -> Callable | None:
    if isinstance(z, _COMPLEX):
        return lambda z: z.real * z.real + z.imag * z.imag
    return None


def _shape(a: types.Type, b: types.Type) -> str | None:
    """Classify operands, "zz", "zr" or "rz" (complex, real), when complex lanes are involved."""
    if not isinstance(a, ComplexVec) and not isinstance(b, ComplexVec):
        if isinstance(a, Vec) and isinstance(b, types.Complex):
            return "rz"
        return "zr" if isinstance(a, types.Complex) and isinstance(b, Vec) else None
    letters = ""
    for kind in (a, b):
        if isinstance(kind, _COMPLEX):
            letters += "z"
        elif is_real(kind):
            letters += "r"
        else:
            return None
    return letters


def _define(op: Callable, rules: dict[str, Callable]) -> None:
    @overload(op, strict=False, jit_options={"forceinline": True})
    def choose(a: types.Type, b: types.Type) -> Callable | None:
        shape = _shape(a, b)
        return rules.get(shape) if shape else None


_define(
    operator.add,
    {
        "zz": lambda a, b: join(a.real + b.real, a.imag + b.imag),
        "zr": lambda a, b: join(a.real + b, a.imag),
        "rz": lambda a, b: join(a + b.real, b.imag),
    },
)
_define(
    operator.sub,
    {
        "zz": lambda a, b: join(a.real - b.real, a.imag - b.imag),
        "zr": lambda a, b: join(a.real - b, a.imag),
        "rz": lambda a, b: join(a - b.real, -b.imag),
    },
)
_define(
    operator.mul,
    {
        "zz": lambda a, b: join(a.real * b.real - a.imag * b.imag, a.real * b.imag + a.imag * b.real),
        "zr": lambda a, b: join(a.real * b, a.imag * b),
        "rz": lambda a, b: join(a * b.real, a * b.imag),
    },
)


@overload(operator.neg, strict=False, jit_options={"forceinline": True})
def _overload_negative(a: types.Type) -> Callable | None:
    return (lambda a: join(-a.real, -a.imag)) if isinstance(a, ComplexVec) else None


@overload(where, strict=False, jit_options={"forceinline": True})
def _overload_where(mask: types.Type, a: types.Type, b: types.Type) -> Callable | None:
    both = isinstance(a, _COMPLEX) and isinstance(b, _COMPLEX)
    if not isinstance(mask, Vec) or not both:
        return None
    return lambda mask, a, b: join(where(mask, a.real, b.real), where(mask, a.imag, b.imag))
