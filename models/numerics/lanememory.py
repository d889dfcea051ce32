"""Transfers between arrays and lanes, for numba: whole tuples of numbers or lanes at once.

With ``lanes=1`` the values are plain numbers, so that the same kernel serves both engines. Arrays must
be C-contiguous; indices count array elements and are not checked.
"""

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.cgutils import alloca_once
from numba.extending import intrinsic

from models.numerics.complexlanes import ComplexVec
from models.numerics.simd import Vec, llvm_vector

__all__ = ["align_stack", "load", "load_complex", "load_real", "store"]

_COMPLEX = {types.float32: types.complex64, types.float64: types.complex128}

_intrinsic: Any = intrinsic  # in compiled code it is called without the typing context


def _pointer(context: Any, builder: Any, kind: types.Array, array: Any, index: Any, offset: int) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(data, [builder.add(index, ir.Constant(index.type, offset))])


def _read(builder: Any, pointer: Any, element: Any, lanes: int) -> Any:
    if lanes == 1:
        return builder.load(pointer)
    vector = llvm_vector(Vec(element, lanes))
    return builder.load(
        builder.bitcast(pointer, vector.as_pointer()), align=element.bitwidth // 8, typ=vector
    )


def _write(builder: Any, pointer: Any, element: Any, value: Any) -> None:
    if isinstance(value.type, ir.VectorType):
        builder.store(value, builder.bitcast(pointer, value.type.as_pointer()), align=element.bitwidth // 8)
    else:
        builder.store(value, pointer)


def _parts(context: Any, builder: Any, kind: Any, value: Any) -> list[Any]:
    """Flatten numbers, lanes, complex numbers, complex lanes and tuples of them to LLVM values."""
    if isinstance(kind, types.BaseTuple):
        kinds: Any = kind
        members = [(member, builder.extract_value(value, k)) for k, member in enumerate(kinds)]
        return [part for member, v in members for part in _parts(context, builder, member, v)]
    if isinstance(kind, (ComplexVec, types.Complex)):
        return [builder.extract_value(value, k) for k in (0, 1)]
    return [value]


def _loader(parts: int) -> Any:
    """Make an intrinsic that loads tuples of values of one (real) or two (complex) parts."""

    @intrinsic(prefer_literal=True)
    def load_tuple(typing_context: Any, array: Any, index: Any, lanes: Any, count: Any) -> Any:
        if not (isinstance(lanes, types.IntegerLiteral) and isinstance(count, types.IntegerLiteral)):
            return None
        width, element = lanes.literal_value, array.dtype
        number: Any = element if width == 1 else Vec(element, width)
        if parts == 2:
            number = _COMPLEX[element] if width == 1 else ComplexVec(number)
        result = types.Tuple((number,) * count.literal_value)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            start = context.cast(builder, args[1], signature.args[1], types.intp)
            values = []
            for k in range(len(result)):
                pieces = []
                for part in range(parts):
                    pointer = _pointer(context, builder, array, args[0], start, (parts * k + part) * width)
                    pieces.append(_read(builder, pointer, element, width))
                value = pieces[0]
                if parts == 2:
                    value = ir.Constant(context.get_value_type(number), ir.Undefined)
                    value = builder.insert_value(builder.insert_value(value, pieces[0], 0), pieces[1], 1)
                values.append(value)
            return context.make_tuple(builder, result, values)

        return result(array, index, lanes, count), generate

    return load_tuple


#: ``load_real(array, index, lanes, count)``: tuple of `count` real values from `array[index]` on.
load_real = _loader(1)
#: ``load_complex(array, index, lanes, count)``: tuple of `count` complex values, (real, imaginary) in turn.
load_complex = _loader(2)


@intrinsic(prefer_literal=True)
def load(typing_context: Any, array: Any, index: Any, lanes: Any) -> Any:
    """Return one real value of `lanes` lanes from `array[index]` on."""
    if not isinstance(lanes, types.IntegerLiteral):
        return None
    width, element = lanes.literal_value, array.dtype
    result = element if width == 1 else Vec(element, width)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        start = context.cast(builder, args[1], signature.args[1], types.intp)
        return _read(builder, _pointer(context, builder, array, args[0], start, 0), element, width)

    return result(array, index, lanes), generate


@_intrinsic
def store(typing_context: Any, array: Any, index: Any, values: Any) -> Any:
    """Write a value, or a tuple of values, from ``array[index]`` on, in the layout that the loads expect."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        start = context.cast(builder, args[1], signature.args[1], types.intp)
        for k, value in enumerate(_parts(context, builder, signature.args[2], args[2])):
            lanes = value.type.count if isinstance(value.type, ir.VectorType) else 1
            pointer = _pointer(context, builder, array, args[0], start, k * lanes)
            _write(builder, pointer, array.dtype, value)
        return context.get_dummy_value()

    return types.void(array, index, values), generate


@_intrinsic
def align_stack(typing_context: Any) -> Any:
    """Let the stack frame of the calling function begin at a cache line.

    LLVM aligns a frame for what it knows before it assigns registers, not for lanes that it spills later.
    On an unaligned frame those lie across two cache lines, which costs up to a quarter of a kernel's speed,
    by the chance of the caller's stack. One aligned variable, whose address an empty piece of assembly
    takes, settles it.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        variable = alloca_once(builder, ir.VectorType(ir.FloatType(), 16))
        variable.align = 64
        kind = ir.FunctionType(ir.VoidType(), [variable.type])
        builder.asm(kind, "", "r", [variable], side_effect=True)
        return context.get_dummy_value()

    return types.void(), generate
