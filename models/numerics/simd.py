"""A SIMD lane type for numba: `Vec`, an LLVM vector with the operators of a scalar.

A function written in scalar notation and compiled for `Vec` arguments treats many trajectories at once:
every operator works on all lanes. Numbers met on the way are converted to the lane type, so that a
literal such as ``0.5`` never promotes float32 lanes to float64. Complex lanes are in `complexlanes`,
transfers from and to arrays in `lanememory`.
"""

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.cgutils import get_or_insert_function
from numba.core.datamodel import models
from numba.extending import intrinsic, overload, register_model

__all__ = ["Vec", "as_float", "as_int", "is_real", "splat", "to_float", "where"]

_FAST = ("fast",)
_intrinsic: Any = intrinsic  # in compiled code it is called without the typing context


class Vec(types.Type):
    """The numba type of `lanes` values of type `element` side by side.

    Parameters
    ----------
    element : numba type
        float32, float64, uint32 or uint64; boolean for the masks that comparisons return.
    lanes : int
        Number of lanes; any power of two works, the widest register of the machine is fastest.
    """

    def __init__(self, element: Any, lanes: int) -> None:
        self.element, self.lanes = element, lanes
        super().__init__(name=f"Vec({element}x{lanes})")


def llvm_vector(vec: Vec) -> ir.VectorType:
    """Return the LLVM type of a `Vec`."""
    element: ir.Type
    if vec.element == types.boolean:
        element = ir.IntType(1)
    elif isinstance(vec.element, types.Float):
        element = ir.FloatType() if vec.element.bitwidth == 32 else ir.DoubleType()
    else:
        element = ir.IntType(vec.element.bitwidth)
    return ir.VectorType(element, vec.lanes)


@register_model(Vec)
class _VecModel(models.PrimitiveModel):
    def __init__(self, manager: Any, vec: Vec) -> None:
        super().__init__(manager, vec, llvm_vector(vec))


def is_real(kind: types.Type) -> bool:
    """Tell whether a numba type is a real number or real lanes."""
    return isinstance(kind, (Vec, types.Integer, types.Float, types.Literal))


def _common(a: types.Type, b: types.Type) -> Vec | None:
    """Lane type of ``a op b``: None unless at least one side is a Vec and the other fits it."""
    if isinstance(a, Vec):
        return a if a == b or (is_real(b) and not isinstance(b, Vec)) else None
    return b if isinstance(b, Vec) and is_real(a) else None


def _broadcast(context: Any, builder: Any, value: Any, kind: types.Type, vec: Vec) -> Any:
    """Return `value` as LLVM vector of type `vec`; scalars are converted and copied to all lanes."""
    if isinstance(kind, Vec):
        return value
    if isinstance(kind, types.Literal):
        value, kind = context.get_constant(vec.element, kind.literal_value), vec.element
    value = context.cast(builder, value, kind, vec.element)
    vector = llvm_vector(vec)
    undefined, index = ir.Constant(vector, ir.Undefined), ir.IntType(32)
    first = builder.insert_element(undefined, value, ir.Constant(index, 0))
    return builder.shuffle_vector(
        first, undefined, ir.Constant(ir.VectorType(index, vec.lanes), [0] * vec.lanes)
    )


_FLOAT = {operator.add: "fadd", operator.sub: "fsub", operator.mul: "fmul", operator.truediv: "fdiv"}
_INTEGER = {
    operator.add: "add",
    operator.sub: "sub",
    operator.mul: "mul",
    operator.and_: "and_",
    operator.or_: "or_",
    operator.xor: "xor",
    operator.lshift: "shl",
    operator.rshift: "lshr",
}
_COMPARE = {
    operator.gt: ">",
    operator.lt: "<",
    operator.ge: ">=",
    operator.le: "<=",
    operator.eq: "==",
    operator.ne: "!=",
}


def _emit(op: Callable, builder: Any, x: Any, y: Any, floating: bool) -> Any:
    if op in _COMPARE:
        if floating:
            return builder.fcmp_ordered(_COMPARE[op], x, y, flags=_FAST)
        return builder.icmp_unsigned(_COMPARE[op], x, y)
    if floating:
        return getattr(builder, _FLOAT[op])(x, y, flags=_FAST)
    return getattr(builder, _INTEGER[op])(x, y)


def _define_operator(op: Callable) -> None:
    """Teach numba ``op`` for lanes with lanes and for lanes with numbers, in either order."""

    @_intrinsic
    def lanewise(typing_context: Any, a: types.Type, b: types.Type) -> Any:
        vec = _common(a, b)
        assert vec is not None
        result = Vec(types.boolean, vec.lanes) if op in _COMPARE else vec

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            x, y = (
                _broadcast(context, builder, v, t, vec) for v, t in zip(args, signature.args, strict=True)
            )
            return _emit(op, builder, x, y, isinstance(vec.element, types.Float))

        return result(a, b), generate

    @overload(op, strict=False, jit_options={"forceinline": True})
    def choose(a: types.Type, b: types.Type) -> Callable | None:
        vec = _common(a, b)
        if vec is None:
            return None
        known = _FLOAT if isinstance(vec.element, types.Float) else _INTEGER
        return (lambda a, b: lanewise(a, b)) if op in known or op in _COMPARE else None


for _op in {**_FLOAT, **_INTEGER, **_COMPARE}:
    _define_operator(_op)


@_intrinsic
def _negative(typing_context: Any, a: Vec) -> Any:
    return a(a), lambda context, builder, signature, args: builder.fneg(args[0], flags=_FAST)


@overload(operator.neg, strict=False, jit_options={"forceinline": True})
def _overload_negative(a: types.Type) -> Callable | None:
    return (lambda a: _negative(a)) if isinstance(a, Vec) and isinstance(a.element, types.Float) else None


@_intrinsic
def splat(typing_context: Any, x: types.Type, like: Vec) -> Any:
    """Copy the number `x` to all lanes of a vector of the type of `like`."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _broadcast(context, builder, args[0], signature.args[0], like)

    return like(x, like), generate


@_intrinsic
def _select(typing_context: Any, mask: Vec, a: types.Type, b: types.Type) -> Any:
    vec = _common(a, b) or Vec(types.float32, mask.lanes)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, y = (_broadcast(context, builder, args[k], signature.args[k], vec) for k in (1, 2))
        return builder.select(args[0], x, y)

    return vec(mask, a, b), generate


def where(mask: Any, a: Any, b: Any) -> Any:
    """Take `a` where `mask` holds, else `b`: for numbers, lanes or arrays, real or complex.

    If neither `a` nor `b` are lanes, those of a lane mask become float32 lanes.
    """
    return np.where(mask, a, b)[()]


@overload(where, strict=False, jit_options={"forceinline": True})
def _overload_where(mask: types.Type, a: types.Type, b: types.Type) -> Callable | None:
    if isinstance(mask, Vec):
        return (lambda mask, a, b: _select(mask, a, b)) if is_real(a) and is_real(b) else None
    return lambda mask, a, b: a if mask else b


def _define_unary(element: Callable[[Any], Any], emit: Callable[[Any, Any, Any], Any]) -> Any:
    @_intrinsic
    def unary(typing_context: Any, a: Vec) -> Any:
        result = Vec(element(a.element), a.lanes)
        vector = llvm_vector(result)
        return result(a), lambda context, builder, signature, args: emit(builder, args[0], vector)

    return unary


_AS_FLOAT = {types.uint32: types.float32, types.uint64: types.float64}
_AS_INT = {kind: integer for integer, kind in _AS_FLOAT.items()}

#: Reinterpret the bits of integer lanes as floating-point lanes of the same width.
as_float = _define_unary(lambda e: _AS_FLOAT[e], lambda b, x, t: b.bitcast(x, t))
#: Reinterpret the bits of floating-point lanes as unsigned integer lanes of the same width.
as_int = _define_unary(lambda e: _AS_INT[e], lambda b, x, t: b.bitcast(x, t))
#: Convert integer lanes, read as signed numbers, to floating-point numbers.
to_float = _define_unary(lambda e: _AS_FLOAT[e], lambda b, x, t: b.sitofp(x, t))


def _emit_sqrt(builder: Any, x: Any, vector: ir.VectorType) -> Any:
    width = 32 if isinstance(vector.element, ir.FloatType) else 64
    name = f"llvm.sqrt.v{vector.count}f{width}"
    function = get_or_insert_function(builder.module, ir.FunctionType(vector, [vector]), name)
    return builder.call(function, [x], fastmath=_FAST)


_sqrt = _define_unary(lambda e: e, _emit_sqrt)


@overload(math.sqrt, strict=False, jit_options={"forceinline": True})
def _overload_sqrt(x: types.Type) -> Callable | None:
    return (lambda x: _sqrt(x)) if isinstance(x, Vec) else None
