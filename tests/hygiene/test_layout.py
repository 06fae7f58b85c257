"""The contract files: the table of the buffer and the stable numbers keep their promises."""

from __future__ import annotations

import ast
import keyword
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from riskcore import codes, layout
from riskcore.kernels import pages
from riskcore.layout import Block, Field, Shape, record_dtype

SMALLEST = Shape(
    instruments=1,
    strategies=1,
    venues=1,
    currencies=1,
    regimes=4,
    window=8,
    scenarios=1,
    orders=16,
)
ODD = Shape(
    instruments=7,
    strategies=3,
    venues=5,
    currencies=3,
    regimes=5,
    window=9,
    scenarios=11,
    orders=20,
)
SHAPES = (Shape(), SMALLEST, ODD)
SYMBOLS = frozenset(layout.SHAPE_NAMES)
TABLES = {block.name: block.fields for block in layout.STATE_BLOCKS} | layout.RECORDS
UNITS = frozenset(
    [
        "-",
        "bits",
        "bytes",
        "cash",
        "code",
        "cost",
        "days",
        "flag",
        "fraction",
        "fraction^2",
        "lots",
        "money",
        "money^2",
        "ns",
        "share",
        "share^2",
        "ticks",
    ]
)
# Words of C and C++ that a field of the generated header cannot be called.
RESERVED = frozenset(
    [
        "alignas",
        "alignof",
        "asm",
        "auto",
        "bool",
        "case",
        "catch",
        "char",
        "class",
        "const",
        "constexpr",
        "continue",
        "default",
        "delete",
        "do",
        "double",
        "else",
        "enum",
        "explicit",
        "export",
        "extern",
        "false",
        "float",
        "for",
        "friend",
        "goto",
        "if",
        "inline",
        "int",
        "long",
        "mutable",
        "namespace",
        "new",
        "noexcept",
        "nullptr",
        "operator",
        "private",
        "protected",
        "public",
        "register",
        "restrict",
        "return",
        "short",
        "signed",
        "sizeof",
        "static",
        "struct",
        "switch",
        "template",
        "this",
        "throw",
        "true",
        "try",
        "typedef",
        "typeid",
        "typename",
        "union",
        "unsigned",
        "using",
        "virtual",
        "void",
        "volatile",
        "while",
    ]
)


def leaf_size(field: Field, shape: Shape) -> int:
    """Bytes of one field."""
    count = 1
    for size in layout.resolve(field.shape, shape):
        count *= size
    return 8 * count


def records(shape: Shape) -> dict[str, np.dtype]:
    """The dtype of each block's record and of each record of its own."""
    state = layout.state_dtype(shape)
    found = {f"state.{name}": state[name].base for name in state.names}
    return found | {name: layout.record_dtype(name, shape) for name in layout.RECORDS}


# --- bytes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES, ids=["default", "smallest", "odd"])
def test_every_block_starts_and_ends_on_a_cache_line(shape):
    state = layout.state_dtype(shape)
    assert state.itemsize % layout.ALIGNMENT == 0
    for name in state.names:
        inner, offset = state.fields[name][:2]
        assert offset % layout.ALIGNMENT == 0, name
        assert inner.base.itemsize % layout.ALIGNMENT == 0, name


@pytest.mark.parametrize("shape", SHAPES, ids=["default", "smallest", "odd"])
def test_blocks_follow_each_other_without_a_gap(shape):
    state = layout.state_dtype(shape)
    assert state.names == tuple(block.name for block in layout.STATE_BLOCKS)
    end = 0
    for name in state.names:
        inner, offset = state.fields[name][:2]
        assert offset == end, name
        end += inner.itemsize
    assert end == state.itemsize


@pytest.mark.parametrize("shape", SHAPES, ids=["default", "smallest", "odd"])
def test_offsets_are_the_sums_of_the_fields_before(shape):
    state = layout.state_dtype(shape)
    for block in layout.STATE_BLOCKS:
        inner = state[block.name].base
        offset = 0
        for field in block.fields:
            assert inner.fields[field.name][1] == offset, f"{block.name}.{field.name}"
            offset += leaf_size(field, shape)
        assert inner.itemsize - offset < layout.ALIGNMENT


@pytest.mark.parametrize("shape", SHAPES, ids=["default", "smallest", "odd"])
def test_padding_is_a_field_and_nothing_else_pads(shape):
    for name, dtype in records(shape).items():
        end = 0
        for field in dtype.names:
            inner, offset = dtype.fields[field][:2]
            assert offset == end, f"{name}.{field}"
            end += inner.itemsize
        assert end == dtype.itemsize, name
        if "padding" in dtype.names:
            assert dtype.names[-1] == "padding"
            assert dtype["padding"].itemsize < layout.ALIGNMENT


@pytest.mark.parametrize("shape", SHAPES, ids=["default", "smallest", "odd"])
def test_every_field_is_an_int64_or_a_float64(shape):
    for name, dtype in records(shape).items():
        for field in dtype.names:
            assert dtype[field].base in (np.dtype("<i8"), np.dtype("<f8")), f"{name}.{field}"


@pytest.mark.parametrize("shape", SHAPES, ids=["default", "smallest", "odd"])
def test_memory_is_zeroed_aligned_and_accessible_by_name(shape):
    dtype = layout.state_dtype(shape)
    buffer = layout.allocate(dtype)
    assert buffer.ctypes.data % layout.ALIGNMENT == 0
    assert buffer.nbytes == dtype.itemsize
    assert not buffer.view(np.uint8).any()
    state = buffer[0]
    state.positions[0].net_lots += 5
    state.holdings[0, 0].lots = 3
    state.account.equity = 2.5
    assert buffer["positions"]["net_lots"][0, 0] == 5
    assert buffer["holdings"]["lots"][0, 0, 0] == 3
    assert buffer["account"]["equity"][0] == 2.5


def test_symbolic_sizes_become_the_dimensions():
    state = layout.state_dtype(ODD)
    assert state["holdings"].shape == (3, 7)
    assert state["balances"].shape == (5, 3)
    assert state["orders"].shape == (20,)
    assert state["covariance"]["matrix"].shape == (7, 7)
    assert state["history"]["returns"].shape == (9, 7)
    assert layout.resolve(("window", 4), ODD) == (9, 4)


def test_a_page_of_any_shape_has_room_in_the_journals_draft():
    bounds = layout.SHAPE_BOUNDS
    for end in (0, 1):
        shape = Shape(**{name: bounds[name][end] for name in ("regimes", "venues", "strategies")})
        words = record_dtype("published_page", shape).itemsize // 8
        assert words <= record_dtype("journal", shape)["draft"].shape[0]
        assert getattr(pages.page_words, "py_func", pages.page_words)(shape) == words


def test_the_magic_spells_the_name():
    assert layout.MAGIC.to_bytes(8, "little") == b"RISKCORE"
    assert 0 < layout.MAGIC < 2**63


def test_a_handle_has_room_for_every_slot():
    assert layout.SHAPE_BOUNDS["orders"][1] <= 1 << codes.HANDLE_SLOT_BITS


# --- names and words -----------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES)
def test_field_names_are_distinct_and_usable_in_python_c_and_cpp(table):
    names = [field.name for field in TABLES[table]]
    assert len(set(names)) == len(names)
    for name in names:
        assert name.isidentifier(), name
        assert name == name.lower(), name
        assert not keyword.iskeyword(name), name
        assert name not in RESERVED, name
        assert name != "padding"


@pytest.mark.parametrize("table", TABLES)
def test_no_field_hides_behind_an_attribute_of_numpy(table):
    # record.flags is NumPy's own attribute when read, the field when written: the plain and the
    # compiled execution would differ.
    hidden = [
        field.name
        for field in TABLES[table]
        if hasattr(np.record, field.name) or hasattr(np.recarray, field.name)
    ]
    assert not hidden, f"rename {hidden} in {table}"


@pytest.mark.parametrize("table", TABLES)
def test_every_field_has_a_known_unit_and_a_meaning(table):
    for field in TABLES[table]:
        assert field.unit in UNITS, field
        assert field.meaning, field
        assert field.meaning == field.meaning.strip(), field
        for size in field.shape:
            assert size in SYMBOLS or (isinstance(size, int) and size > 0), field


@pytest.mark.parametrize("table", TABLES)
def test_times_are_integers_and_say_so_in_their_names(table):
    for field in TABLES[table]:
        if field.name.endswith("_ns"):
            assert field.unit == "ns", field
        if field.unit == "ns" and field.type == "i8":
            assert field.name.endswith("_ns"), field


@pytest.mark.parametrize("table", TABLES)
def test_codes_flags_and_bits_are_integers_and_money_is_not(table):
    for field in TABLES[table]:
        if field.unit in ("code", "flag", "bits", "bytes", "days"):
            assert field.type == "i8", field
        if field.unit in ("money", "cash", "cost", "share", "fraction"):
            assert field.type == "f8", field


def test_blocks_have_distinct_names_and_meanings():
    names = [block.name for block in layout.STATE_BLOCKS]
    assert len(set(names)) == len(names)
    for block in layout.STATE_BLOCKS:
        assert block.meaning
        assert all(size in SYMBOLS for size in block.dims), block.name


def test_the_picture_shows_the_blocks_in_order():
    rows = [line for line in layout.__doc__.splitlines() if line.strip().startswith("| ")]
    drawn = [line.split("|")[1].strip() for line in rows]
    assert drawn == [block.name for block in layout.STATE_BLOCKS]


def test_header_names_every_size_of_the_shape():
    header = {field.name for field in layout.HEADER}
    assert set(layout.SHAPE_NAMES) <= header
    assert {"magic", "abi_version", "layout_hash", "size_bytes"} <= header


# --- hash ----------------------------------------------------------------------------------------


def with_blocks(monkeypatch, blocks) -> int:
    """The hash of the default shape under another table."""
    monkeypatch.setattr(layout, "STATE_BLOCKS", tuple(blocks))
    return layout.layout_hash.__wrapped__(Shape())


def changed(field: Field, **values) -> tuple[Block, ...]:
    """The blocks with another version of one account field."""
    return tuple(
        block._replace(
            fields=tuple(f._replace(**values) if f == field else f for f in block.fields)
        )
        if block.name == "account"
        else block
        for block in layout.STATE_BLOCKS
    )


@pytest.mark.parametrize("change", [{"name": "other"}, {"type": "i8"}, {"shape": ("venues",)}])
def test_the_hash_changes_with_name_type_and_shape_of_a_field(monkeypatch, change):
    before = layout.layout_hash(Shape())
    assert with_blocks(monkeypatch, changed(layout.ACCOUNT[0], **change)) != before


def test_the_hash_changes_with_the_order_of_fields_and_blocks(monkeypatch):
    before = layout.layout_hash(Shape())
    first, second, *rest = layout.STATE_BLOCKS
    turned = first._replace(fields=(first.fields[1], first.fields[0], *first.fields[2:]))
    hashes = {
        before,
        with_blocks(monkeypatch, (second, first, *rest)),
        with_blocks(monkeypatch, (turned, second, *rest)),
        with_blocks(monkeypatch, (first, second, *rest[:-1])),
    }
    assert len(hashes) == 4


def test_the_hash_changes_with_a_record_and_with_the_version_of_the_interface(monkeypatch):
    before = layout.layout_hash(Shape())
    monkeypatch.setattr(layout, "RECORDS", layout.RECORDS | {"order": layout.ORDER[:-1]})
    other = layout.layout_hash.__wrapped__(Shape())
    monkeypatch.setattr(layout, "ABI_VERSION", layout.ABI_VERSION + 1)
    assert len({before, other, layout.layout_hash.__wrapped__(Shape())}) == 3


def test_the_hash_does_not_depend_on_words(monkeypatch):
    blocks = changed(layout.ACCOUNT[0], meaning="said in another way", unit="cash")
    assert with_blocks(monkeypatch, blocks) == layout.layout_hash(Shape())


@pytest.mark.parametrize("name", layout.SHAPE_NAMES)
def test_the_hash_changes_with_every_size(name):
    values = dict(zip(layout.SHAPE_NAMES, ODD.sizes(), strict=True))
    values[name] += 4 if name == "orders" else 1
    assert layout.layout_hash(Shape(**values)) != layout.layout_hash(ODD)


def test_the_hash_is_a_positive_int64():
    for shape in SHAPES:
        assert 0 < layout.layout_hash(shape) < 2**62


# --- shape ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", layout.SHAPE_NAMES)
def test_a_size_out_of_bounds_is_refused_with_its_name_and_the_bounds(name):
    low, high = layout.SHAPE_BOUNDS[name]
    for value in (low - 1, high + 1, -1):
        with pytest.raises(ValueError, match=rf"shape\.{name} is {value}: .*{low} to {high}"):
            Shape(**{name: value})
    assert getattr(Shape(**{name: low}), name) == low
    assert getattr(Shape(**{name: high}), name) == high


@pytest.mark.parametrize("value", [1.0, "8", None, True])
def test_a_size_that_is_no_integer_is_refused_by_name(value):
    with pytest.raises(TypeError, match=r"shape\.venues must be an integer"):
        Shape(venues=value)


def test_orders_come_in_sets_of_four():
    with pytest.raises(ValueError, match=r"shape\.orders is 18: it must be a multiple of 4"):
        Shape(orders=18)


def test_the_order_of_the_sizes_is_the_order_of_the_bounds():
    assert tuple(Shape.__dataclass_fields__) == layout.SHAPE_NAMES
    assert ODD.sizes() == (7, 3, 5, 3, 5, 9, 11, 20)


# --- codes ---------------------------------------------------------------------------------------

CONSTANTS = {
    name: value
    for name, value in vars(codes).items()
    if name.isupper() and isinstance(value, int | float)
}


def prefixed(prefix: str) -> dict[str, int]:
    """Constants of one family."""
    return {name: value for name, value in CONSTANTS.items() if name.startswith(prefix)}


def section_names(title: str) -> list[str]:
    """Constants assigned in the section of codes.py under that comment, up to the next."""
    lines = Path(codes.__file__).read_text(encoding="utf-8").splitlines()
    starts = [n for n, line in enumerate(lines) if line.startswith("# --- ")]
    (start,) = [n for n in starts if lines[n].startswith(f"# --- {title} -")]
    end = next((n for n in starts if n > start), len(lines))
    return [
        node.targets[0].id
        for node in ast.parse("\n".join(lines)).body
        if isinstance(node, ast.Assign)
        and start < node.lineno <= end
        and isinstance(node.value, ast.Constant)
    ]


def test_no_name_is_bound_twice():
    tree = ast.parse(Path(codes.__file__).read_text(encoding="utf-8"))
    names = [t.id for n in tree.body if isinstance(n, ast.Assign) for t in n.targets]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "prefix", ["EVENT_", "CONTROL_", "ORDER_", "QUOTE_", "VENUE_ORDER_", "REGIME_", "LATCH_"]
)
def test_numbers_of_a_family_are_distinct(prefix):
    checks = {check.name for check in codes.CHECKS.values()}
    family = {n: v for n, v in prefixed(prefix).items() if n not in checks and n != "EVENT_KINDS"}
    assert len(family) >= 3
    assert len(set(family.values())) == len(family)


def test_every_constant_of_the_checks_has_its_row_and_every_row_its_constant():
    listed = [name for name in section_names("checks") if name != "CHECK_COUNT"]
    assert sorted(listed) == sorted(check.name for check in codes.CHECKS.values())
    for number, check in codes.CHECKS.items():
        assert check.number == number == getattr(codes, check.name)


def test_numbers_of_checks_are_distinct_and_fit_their_words():
    numbers = [getattr(codes, check.name) for check in codes.CHECKS.values()]
    assert len(set(numbers)) == len(numbers)
    for number in numbers:
        assert 0 <= number < codes.CHECK_COUNT
        assert number % 64 != 63, "bit 63 would make the word negative"


def test_a_check_lies_in_the_block_of_its_layer():
    layers = (7, 1, 2, 3, 4, 5, 6, 7)
    for check in codes.CHECKS.values():
        assert check.layer == layers[check.number // 16], check.name
        assert 1 <= check.layer < len(codes.LAYER_NAMES)


def test_every_check_has_a_meaning_a_unit_and_an_existing_parameter():
    fields = {field.name for table in TABLES.values() for field in table}
    for check in codes.CHECKS.values():
        assert check.meaning, check.name
        assert check.unit in UNITS, check.name
        assert check.parameter == "" or check.parameter in fields, check.name


def test_every_check_answers_a_control_that_is_asked_for_or_stands_apart():
    from riskcore.clauses import CLAUSES

    named = {name for clause in CLAUSES for name in clause.checks}
    assert named == {check.name for check in codes.CHECKS.values()}
    for clause in CLAUSES:
        assert clause.checks or clause.others, clause.control


def test_a_check_that_ends_the_evaluation_stops_exits_too():
    ending = [c for c in codes.CHECKS.values() if "ends the evaluation" in c.meaning]
    assert [c.number for c in ending] == list(range(7))
    assert all(c.blocks_exits and not c.resizes for c in ending)


def test_a_check_that_a_smaller_order_can_pass_never_stops_an_exit():
    assert not [c.name for c in codes.CHECKS.values() if c.resizes and c.blocks_exits]


def test_words_and_counters_have_room_for_every_number():
    sizes = {f"{name}.{f.name}": f.shape for name, table in TABLES.items() for f in table}
    assert sizes["decision.reasons"] == (layout.CHECK_WORDS,)
    assert layout.CHECK_WORDS * 64 == codes.CHECK_COUNT
    assert sizes["counters.reasons"] == (codes.CHECK_COUNT,)
    assert sizes["counters.events"][0] > codes.EVENT_KINDS
    assert sizes["counters.decisions"][0] > max(codes.ACTION_NAMES)
    assert sizes["decision.utilisation"] == (len(codes.LAYER_NAMES) - 1,)


def test_zero_never_means_success():
    assert codes.OK != 0
    assert 0 not in codes.STATUS_NAMES
    assert codes.REJECT == 0
    assert codes.APPROVE != 0
    assert codes.UNSET == 0
    assert codes.ORDER_FREE == 0
    assert codes.QUOTE_NONE == 0
    assert 0 not in prefixed("EVENT_").values()
    assert 0 not in prefixed("CONTROL_").values()


def test_statuses_are_numbered_without_a_gap_and_named():
    assert sorted(codes.STATUS_NAMES) == list(range(1, len(codes.STATUS_NAMES) + 1))
    for value, name in codes.STATUS_NAMES.items():
        assert getattr(codes, name) == value
    assert codes.STATUS_NAMES[codes.OK] == "OK"


def test_events_are_numbered_without_a_gap_and_named():
    assert sorted(codes.EVENT_NAMES) == list(range(1, codes.EVENT_KINDS + 1))
    assert codes.EVENT_NAMES[codes.EVENT_FILL] == "fill"


def test_latches_are_single_bits():
    for name, value in prefixed("LATCH_").items():
        assert value > 0, name
        assert value & (value - 1) == 0, name


def test_regimes_number_their_names():
    for number, name in enumerate(codes.REGIME_NAMES):
        assert getattr(codes, f"REGIME_{name.upper()}") == number
    assert layout.SHAPE_BOUNDS["regimes"][0] >= len(codes.REGIME_NAMES)


def test_bounds_leave_room_for_one_step_beyond():
    for low, high in pairwise([codes.MAX_LOTS, codes.MAX_POSITION_LOTS, codes.MAX_IDENTIFIER]):
        assert low < high
    for value in (codes.MAX_TICKS, codes.MAX_POSITION_LOTS):
        assert value + codes.MAX_LOTS <= 1 << 53, "exact as float64"
    assert codes.MAX_TIME_NS + codes.MAX_TIME_JUMP_NS < 1 << 63
    assert codes.DAY_NS == 24 * 60 * 60 * 10**9
