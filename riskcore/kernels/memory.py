"""What the kernel language lacks for memory that other processes look at: words and their order.

A word is the 64 bits at a multiple of eight bytes in a record, an int64 whatever its field's type.
``load_acquire``, ``store_release``, ``add_release`` and the fences order the accesses around them,
for the compiler and for the processor, as C11 defines those words. On x86-64 all but the addition
cost no instruction; what they keep is the compiler's hands off the order.

Each is a plain Python function, for one process alone, and an intrinsic of the same meaning where
kernels are compiled. ``journal``, ``pages`` and ``session`` use them; no formula does.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, overload

_WORD = ir.IntType(64)
_MASK = (1 << 64) - 1
SPREAD = 0x9E3779B97F4A7C15  # 2**64 / golden ratio: Knuth's multiplicative hashing


def _address(record: Any, index: int = 0) -> int:
    """Where a word of a record lies."""
    return int(np.frombuffer(record, dtype=np.uint8).ctypes.data) + 8 * int(index)


def _signed(word: int) -> int:
    """The int64 of the lowest 64 bits."""
    word &= _MASK
    return word - (1 << 64) if word >> 63 else word


def read_word(record: Any, index: int) -> int:
    """The word `index` of a record."""
    return ctypes.c_int64.from_address(_address(record, index)).value


def write_word(record: Any, index: int, word: int) -> None:
    """Overwrite the word `index` of a record."""
    ctypes.c_int64.from_address(_address(record, index)).value = int(word)


def load_acquire(record: Any, index: int) -> int:
    """Read a word; what follows is not moved before it."""
    return read_word(record, index)


def store_release(record: Any, index: int, word: int) -> None:
    """Write a word; what precedes it is not moved behind it."""
    write_word(record, index, word)


def add_release(record: Any, index: int, amount: int) -> None:
    """Add to a word at once, whoever else adds; what precedes it is not moved behind it."""
    write_word(record, index, _signed(read_word(record, index) + int(amount)))


def fence_acquire() -> None:
    """Keep every earlier load in front of every later access."""


def fence_release() -> None:
    """Keep every earlier access in front of every later store."""


def mix(total: int, word: int, index: int) -> int:
    """One step of a checksum: total + word x (an odd factor of the index), modulo 2**64.

    Changing one word changes the sum, whatever the others are: an odd factor has an inverse.
    """
    return _signed(int(total) + int(word) * factor(int(index)))


def factor(index: int) -> int:
    """The odd factor of a word in a checksum."""
    return ((index + 1) * SPREAD & _MASK) | 1


def as_record(record: Any, index: int, prototype: Any) -> Any:
    """The memory of `record` from word `index` on as a record of the type of `prototype`.

    The prototype is not read. The caller sees to it that `record` is long enough.
    """
    memory = (ctypes.c_char * prototype.dtype.itemsize).from_address(_address(record, index))
    return np.frombuffer(memory, dtype=prototype.dtype).view(np.recarray)[0]


# --- the same where kernels are compiled ---------------------------------------------------------


def _word_at(builder: Any, record: Any, index: Any) -> Any:
    """Pointer to a word."""
    base = builder.bitcast(record, ir.IntType(8).as_pointer())
    place = builder.gep(base, [builder.mul(index, ir.Constant(_WORD, 8))])
    return builder.bitcast(place, _WORD.as_pointer())


def _reader(ordering: str) -> Any:
    """An intrinsic (record, index) -> word."""

    @intrinsic
    def read(typing_context: Any, record: Any, index: Any) -> Any:
        if not isinstance(record, types.Record):
            return None

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            place = _word_at(builder, *arguments)
            if ordering:
                return builder.load_atomic(place, ordering, 8)
            return builder.load(place)

        return types.int64(record, types.int64), generate

    return read


def _writer(ordering: str) -> Any:
    """An intrinsic (record, index, word) -> nothing."""

    @intrinsic
    def write(typing_context: Any, record: Any, index: Any, word: Any) -> Any:
        if not isinstance(record, types.Record):
            return None

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            place = _word_at(builder, *arguments[:2])
            if ordering:
                builder.store_atomic(arguments[2], place, ordering, 8)
            else:
                builder.store(arguments[2], place)
            return context.get_dummy_value()

        return types.void(record, types.int64, types.int64), generate

    return write


@intrinsic
def _add_release(typing_context: Any, record: Any, index: Any, amount: Any) -> Any:
    """One instruction that others see whole."""
    if not isinstance(record, types.Record):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.atomic_rmw("add", _word_at(builder, *arguments[:2]), arguments[2], "release")
        return context.get_dummy_value()

    return types.void(record, types.int64, types.int64), generate


def _fence(ordering: str) -> Any:
    """An intrinsic of no arguments."""

    @intrinsic
    def fence(typing_context: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            builder.fence(ordering)
            return context.get_dummy_value()

        return types.void(), generate

    return fence


@intrinsic
def _mix(typing_context: Any, total: Any, word: Any, index: Any) -> Any:
    """Multiplication and addition that wrap."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        total_value, word_value, index_value = arguments
        one = ir.Constant(_WORD, 1)
        odd = builder.mul(builder.add(index_value, one), ir.Constant(_WORD, _signed(SPREAD)))
        return builder.add(total_value, builder.mul(word_value, builder.or_(odd, one)))

    return types.int64(types.int64, types.int64, types.int64), generate


@intrinsic
def _as_record(typing_context: Any, record: Any, index: Any, prototype: Any) -> Any:
    """Another type for an address."""
    if not isinstance(record, types.Record) or not isinstance(prototype, types.Record):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _word_at(builder, *arguments[:2])
        return builder.bitcast(place, context.get_value_type(prototype))

    return prototype(record, types.int64, prototype), generate


def _compile_as(function: Callable[..., Any], compiled: Any) -> None:
    """Let compiled kernels that call `function` use an intrinsic."""
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    signature = ", ".join(names)
    scope = {"compiled": compiled}
    source = (
        f"def choose({signature}):\n"
        f"    def call({signature}):\n"
        f"        return compiled({signature})\n"
        f"    return call\n"
    )
    exec(source, scope)  # noqa: S102
    overload(function)(scope["choose"])


_compile_as(read_word, _reader(""))
_compile_as(write_word, _writer(""))
_compile_as(load_acquire, _reader("acquire"))
_compile_as(store_release, _writer("release"))
_compile_as(add_release, _add_release)
_compile_as(fence_acquire, _fence("acquire"))
_compile_as(fence_release, _fence("release"))
_compile_as(mix, _mix)
_compile_as(as_record, _as_record)
