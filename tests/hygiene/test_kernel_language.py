"""The kernel language, enforced: what a kernel may not contain, and what to write instead.

One table, RULES, holds every rule with the code that trips it and a neighbour that does not; each
file under ``riskcore/kernels`` is judged by all of them. A deviation that is wanted stands in
EXCEPTIONS with its reason, and must still be needed.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
KERNELS = ROOT / "riskcore" / "kernels"
NOT_KERNELS = frozenset(
    {"language.py", "memory.py", "api.py", "__init__.py"}
)  # the decorator, words and fences, the table, markers
MODULES = tuple(sorted(p for p in KERNELS.rglob("*.py") if p.name not in NOT_KERNELS))

BUILTIN_CALLS = frozenset({"range", "float", "abs", "int"})
INT64_END = 1 << 63

Finding = tuple[ast.AST, str]
Finder = Callable[[ast.Module], Iterator[Finding]]


class Rule(NamedTuple):
    """One rule: name, advice, how offences are found, code that trips it and code that does not."""

    name: str
    advice: str
    find: Finder
    trips: tuple[str, ...]
    passes: tuple[str, ...]


class Deviation(NamedTuple):
    """A wanted deviation: the file, the rule and why."""

    file: str
    rule: str
    reason: str


EXCEPTIONS = (
    Deviation("elementary.py", "float to int", "floor_to_int is the guarded conversion itself"),
    Deviation("setup.py", "imports", "literal_unroll names parameters one by one at compile time"),
    Deviation("setup.py", "calls", "literal_unroll disappears at compile time"),
    Deviation("setup.py", "module constants", "tuples of field names, unrolled at compile time"),
    Deviation("setup.py", "text", "the field names in those tuples"),
    Deviation("setup.py", "containers", "the list of fields, made when the module is loaded"),
    Deviation("setup.py", "loops", "literal_unroll loops over a constant tuple"),
)


# --- finders -------------------------------------------------------------------------------------


def nodes(*kinds: type[ast.AST]) -> Finder:
    """Every node of the kinds."""

    def find(tree: ast.Module) -> Iterator[Finding]:
        for node in ast.walk(tree):
            if isinstance(node, kinds):
                yield node, type(node).__name__

    return find


def functions(tree: ast.Module) -> list[ast.FunctionDef]:
    """Functions at the top level of a module."""
    return [node for node in tree.body if isinstance(node, ast.FunctionDef)]


def docstrings(tree: ast.Module) -> set[int]:
    """Identities of the constants that are docstrings."""
    found = set()
    for node in (tree, *functions(tree)):
        first = node.body[0] if node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            found.add(id(first.value))
    return found


def imported(tree: ast.Module, prefix: str) -> set[str]:
    """Names that a module imports from the package of that prefix."""
    return {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(prefix)
        for alias in node.names
    }


def is_constant_name(name: str) -> bool:
    """True for UPPER_CASE, with an optional leading underscore."""
    return name.isupper()


def find_imports(tree: ast.Module) -> Iterator[Finding]:
    """Imports other than sqrt, constants of codes and layout, and other kernels."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            if [(a.name, a.asname) for a in node.names] != [("math", None)]:
                yield node, ast.unparse(node)
        elif isinstance(node, ast.ImportFrom):
            module, names = node.module or "", [alias.name for alias in node.names]
            fits = node.level == 0 and (
                (module == "math" and names == ["sqrt"])
                or (module == "__future__" and names == ["annotations"])
                or (
                    module in ("riskcore.codes", "riskcore.layout")
                    and all(map(is_constant_name, names))
                )
                or (
                    (module == "riskcore.kernels" or module.startswith("riskcore.kernels."))
                    and "*" not in names
                )
            )
            if not fits or node not in tree.body:
                yield node, ast.unparse(node).replace("\n", " ")


def find_undecorated(tree: ast.Module) -> Iterator[Finding]:
    """Functions whose decorators are not exactly ``@kernel``."""
    for node in functions(tree):
        marks = node.decorator_list
        if not (len(marks) == 1 and isinstance(marks[0], ast.Name) and marks[0].id == "kernel"):
            yield node, node.name


def find_nested(tree: ast.Module) -> Iterator[Finding]:
    """Functions and classes anywhere but functions at the top of the module."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    for node in ast.walk(tree):
        if isinstance(node, kinds) and not (
            isinstance(node, ast.FunctionDef) and node in tree.body
        ):
            yield node, getattr(node, "name", "lambda")


def find_undocumented(tree: ast.Module) -> Iterator[Finding]:
    """A module or function without a docstring."""
    for node in (tree, *functions(tree)):
        if not ast.get_docstring(node):
            yield node, getattr(node, "name", "the module")


def find_powers(tree: ast.Module) -> Iterator[Finding]:
    """``**``, ``**=`` and ``@``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(
            node.op, ast.Pow | ast.MatMult
        ):
            yield node, ast.unparse(node)


def find_calls(tree: ast.Module) -> Iterator[Finding]:
    """Calls of anything but kernels, math.sqrt, float, abs, and range as a loop."""
    kernels = {node.name for node in functions(tree)} | imported(tree, "riskcore.kernels")
    if "sqrt" in imported(tree, "math"):
        kernels.add("sqrt")
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        text = ast.unparse(node.func)
        if isinstance(node.func, ast.Name):
            fits = text in kernels or text in BUILTIN_CALLS
        elif isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            fits = text in ("math.sqrt", "float.fromhex") or node.func.value.id in kernels
        else:
            fits = False
        if not fits:
            yield node, f"{text}()"


def find_mathematics(tree: ast.Module) -> Iterator[Finding]:
    """NumPy, and anything of math but sqrt."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in ("np", "numpy", "cmath"):
            yield node, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "math" and node.attr != "sqrt":
                yield node, f"math.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module == "math":
            for alias in node.names:
                if alias.name != "sqrt":
                    yield node, f"math.{alias.name}"


def find_int_calls(tree: ast.Module) -> Iterator[Finding]:
    """``int(...)``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "int":
            yield node, ast.unparse(node)


def find_loops(tree: ast.Module) -> Iterator[Finding]:
    """``while``, and ``for`` over anything but range; range anywhere else."""
    loops = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.While):
            yield node, f"while {ast.unparse(node.test)}"
        elif isinstance(node, ast.For):
            call = node.iter
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "range":
                loops.add(id(call))
            else:
                yield node, f"for ... in {ast.unparse(call)}"
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) == "range"
            and id(node) not in loops
        ):
            yield node, ast.unparse(node)


def find_text(tree: ast.Module) -> Iterator[Finding]:
    """Strings other than docstrings and the argument of float.fromhex; f-strings; bytes."""
    allowed = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "float.fromhex":
            allowed |= {id(argument) for argument in node.args}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node, "f-string"
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str | bytes)
            and id(node) not in allowed
        ):
            yield node, repr(node.value)


def find_other_constants(tree: ast.Module) -> Iterator[Finding]:
    """None, complex numbers, ``...``, and integers beyond int64."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            value = node.value
            if (
                value is None
                or value is ...
                or isinstance(value, complex)
                or (isinstance(value, int) and not -INT64_END <= value < INT64_END)
            ):
                yield node, repr(value)


def is_number(node: ast.expr) -> bool:
    """True for an expression of numbers and names of constants only."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float)
    if isinstance(node, ast.Name):
        return is_constant_name(node.id)
    if isinstance(node, ast.UnaryOp):
        return is_number(node.operand)
    if isinstance(node, ast.BinOp):
        return is_number(node.left) and is_number(node.right)
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "float.fromhex"


def find_module_state(tree: ast.Module) -> Iterator[Finding]:
    """Statements of a module other than docstring, imports, functions and NAME = number."""
    bound = set()
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
            continue
        if isinstance(node, ast.Expr) and id(node.value) in docstrings(tree):
            continue
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            named = isinstance(target, ast.Name) and is_constant_name(target.id)
            if named and is_number(node.value) and target.id not in bound:
                bound.add(target.id)
                continue
        yield node, ast.unparse(node).splitlines()[0]


def find_recursion(tree: ast.Module) -> Iterator[Finding]:
    """Functions that reach themselves through the calls of their module."""
    graph = {
        node.name: {
            call.func.id
            for call in ast.walk(node)
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        }
        for node in functions(tree)
    }
    for node in functions(tree):
        reached, front = set(), set(graph[node.name])
        while front:
            name = front.pop()
            if name in graph and name not in reached:
                reached.add(name)
                front |= graph[name]
        if node.name in reached:
            yield node, node.name


def find_loose_arguments(tree: ast.Module) -> Iterator[Finding]:
    """``*args``, ``**kwargs``, keyword-only parameters, and calls that use them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arguments) and (node.vararg or node.kwarg or node.kwonlyargs):
            owner = next(f for f in ast.walk(tree) if getattr(f, "args", None) is node)
            yield owner, getattr(owner, "name", "lambda")
        elif isinstance(node, ast.Call) and (
            node.keywords or any(isinstance(a, ast.Starred) for a in node.args)
        ):
            yield node, ast.unparse(node)


def find_membership(tree: ast.Module) -> Iterator[Finding]:
    """``is``, ``is not``, ``in``, ``not in``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            for operator in node.ops:
                if isinstance(operator, ast.Is | ast.IsNot | ast.In | ast.NotIn):
                    yield node, ast.unparse(node)


# --- the rules -----------------------------------------------------------------------------------

HEAD = '"""Module."""\nfrom riskcore.kernels.language import kernel\n'


def body(*lines: str) -> str:
    """A module with one kernel of these lines."""
    inside = "".join(f"    {line}\n" for line in ('"""Do it."""', *lines))
    return f"{HEAD}@kernel\ndef work(state, x):\n{inside}"


def module(text: str) -> str:
    """A module with a statement of its own."""
    return f"{HEAD}{text}\n"


RULES = (
    Rule(
        "imports",
        "import math, and names from riskcore.codes and riskcore.layout (constants) and "
        "riskcore.kernels",
        find_imports,
        (
            module("import numpy as np"),
            module("import math as m"),
            module("from math import *"),
            module("from riskcore.layout import Shape"),
            module("from riskcore.kernels.elementary import *"),
            module("from .elementary import exp"),
            module("from riskcore.manager import AdaptiveRiskManager"),
        ),
        (
            module("import math"),
            module("from math import sqrt"),
            module("from riskcore.layout import MAGIC"),
            module("from riskcore.kernels.elementary import exp"),
            module("from riskcore.kernels import elementary"),
            module("from riskcore.codes import BUY, SELL"),
        ),
    ),
    Rule(
        "decorator",
        "put @kernel, and nothing else, on every function",
        find_undecorated,
        (
            module('def work(state):\n    """Do it."""'),
            module('@kernel\n@kernel\ndef work(state):\n    """Do it."""'),
            module('@kernel()\ndef work(state):\n    """Do it."""'),
        ),
        (module('@kernel\ndef work(state):\n    """Do it."""'),),
    ),
    Rule(
        "flat functions",
        "write a kernel at the top of the module: no class, lambda, nested or async function",
        find_nested,
        (
            body("def inner(y):", '    """Do it."""', "    return y", "return inner(x)"),
            body("f = lambda y: y", "return x"),
            module('class Work:\n    """Do it."""'),
            module('async def work(state):\n    """Do it."""'),
        ),
        (body("return x"),),
    ),
    Rule(
        "docstrings",
        "say in a docstring what it is for",
        find_undocumented,
        (
            f"{HEAD}@kernel\ndef work(state):\n    return 1\n",
            "from riskcore.kernels.language import kernel\n",
        ),
        (body("return 1"),),
    ),
    Rule(
        "powers",
        "multiply it out, use math.sqrt, or elementary.power",
        find_powers,
        (body("return x**2"), body("x **= 2", "return x"), body("return x @ x")),
        (body("return x * x"), body("x *= 2", "return x")),
    ),
    Rule(
        "calls",
        "call kernels, math.sqrt, float and abs only; minimum, maximum and power are in "
        "riskcore.kernels.elementary; sums and rounding are written out",
        find_calls,
        tuple(
            body(f"return {call}")
            for call in (
                "min(x, 1)", "max(x, 1)", "round(x)", "sum(x)", "pow(x, 2)", "len(x)", "print(x)",
                "isinstance(x, int)", "sorted(x)", "bool(x)", "x.sum()", "state.market[0].copy()",
                "unknown(x)", "sqrt(x)", "divmod(x, 2)", "enumerate(x)", "zip(x)", "eval(x)",
            )
        ),
        (
            body("return math.sqrt(x)"),
            module("from math import sqrt") + body("return sqrt(x)").removeprefix(HEAD),
            body("return float(x) + abs(x)"),
            module("from riskcore.kernels.elementary import maximum")
            + body("return maximum(x, 1.0)").removeprefix(HEAD),
            module("from riskcore.kernels import elementary")
            + body("return elementary.exp(x)").removeprefix(HEAD),
        ),
    ),
    Rule(
        "mathematics",
        "use + - * / and math.sqrt; exp, log and distributions are in riskcore.kernels.elementary",
        find_mathematics,
        (
            body("return math.exp(x)"),
            body("return x + math.pi"),
            body("return x + np.nan"),
            body("return numpy"),
            module("from math import exp"),
        ),
        (body("return math.sqrt(x)"), module("from math import sqrt")),
    ),
    Rule(
        "float to int",
        "use elementary.floor_to_int, which guards the range",
        find_int_calls,
        (body("return int(x)"), body("return 1 + int(x * 2.0)")),
        (body("return float(x)"),),
    ),
    Rule(
        "loops",
        "write for ... in range(bound) with a bound from the header or a constant, and break",
        find_loops,
        (
            body("while True:", "    x = x + 1"),
            body("while x < 3:", "    x = x + 1"),
            body("for y in state.market:", "    x = x + y", "return x"),
            body("y = range(3)", "return x"),
        ),
        (body("for i in range(state.header.venue_count):", "    x = x + i", "return x"),),
    ),
    Rule(
        "exceptions",
        "return a status code from riskcore.codes",
        nodes(ast.Raise, ast.Try, ast.TryStar, ast.Assert, ast.With, ast.AsyncWith),
        (
            body("raise x"),
            body("assert x > 0"),
            body("try:", "    x = 1", "finally:", "    x = 2"),
            body("with x:", "    pass"),
        ),
        (body("if not (x > 0):", "    return 2", "return 1"),),
    ),
    Rule(
        "scopes",
        "keep every value in an argument, a local or the buffer",
        nodes(ast.Global, ast.Nonlocal, ast.Delete, ast.NamedExpr, ast.Yield, ast.YieldFrom,
              ast.Await, ast.Match),
        (
            body("global COUNT", "return x"),
            body("y = x", "del y", "return x"),
            body("return (y := x) + y"),
            body("yield x"),
            body("match x:", "    case 1:", "        return 2"),
        ),
        (body("y = x", "return y + y"),),
    ),
    Rule(
        "containers",
        "use scalars, tuples as results, and arrays of the buffer",
        nodes(ast.List, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp,
              ast.GeneratorExp),
        (
            body("return [x]"),
            body("return {x: 1}"),
            body("return {x}"),
            body("y = [i for i in range(3)]", "return x"),
            body("y = {i for i in range(3)}", "return x"),
            body("y = {i: i for i in range(3)}", "return x"),
            body("y = (i for i in range(3))", "return x"),
        ),
        (body("return x, 1"), body("y = state.covariance.matrix", "return y[0, 1]")),
    ),
    Rule(
        "slices",
        "index element by element, or loop over range",
        nodes(ast.Slice, ast.Starred),
        (body("return x[1:]"), body("return x[:, 0]"), body("a, *b = x", "return a")),
        (body("return x[1]"), body("return x[1, 0]")),
    ),
    Rule(
        "text",
        "names and messages live outside the kernels; return a code",
        find_text,
        (
            body('return x == "buy"'),
            body('return f"{x}"'),
            body("return x == b'buy'"),
            body('"""A second docstring."""', "return x"),
        ),
        (body("return x"), module('TWO_64 = float.fromhex("0x1p64")')),
    ),
    Rule(
        "other constants",
        "use an int64 or a float64; what is not set is told by a flag",
        find_other_constants,
        (
            body("return None"),
            body("return 1j"),
            body("..."),
            body("return 9223372036854775808"),
        ),
        (body("return 9223372036854775807"), body("return 1.5"), body("return True")),
    ),
    Rule(
        "module constants",
        "bind NAMES to numbers once, at the top; everything that changes lives in the buffer",
        find_module_state,
        (
            module("cache = 1"),
            module("CACHE = {}"),
            module("PAIR = (1, 2)"),
            module("A = B = 1"),
            module("LIMIT = 1\nLIMIT = 2"),
            module("if 1:\n    LIMIT = 2"),
            module("LIMIT: int = 2"),
        ),
        (module("LIMIT = 1 << 40\nTWICE = 2.0 * LIMIT"),),
    ),
    Rule(
        "recursion",
        "write a loop with a bound",
        find_recursion,
        (
            body("return work(state, x)"),
            module(
                '@kernel\ndef odd(x):\n    """Odd."""\n    return even(x)\n'
                '@kernel\ndef even(x):\n    """Even."""\n    return odd(x)'
            ),
        ),
        (
            module(
                '@kernel\ndef odd(x):\n    """Odd."""\n    return x\n'
                '@kernel\ndef even(x):\n    """Even."""\n    return odd(x)'
            ),
        ),
    ),
    Rule(
        "plain arguments",
        "pass every argument by position",
        find_loose_arguments,
        (
            module('@kernel\ndef work(*x):\n    """Do it."""'),
            module('@kernel\ndef work(state, *, x):\n    """Do it."""'),
            module('@kernel\ndef work(**x):\n    """Do it."""'),
            body("return float(x=x)"),
        ),
        (body("return float(x)"),),
    ),
    Rule(
        "membership",
        "compare numbers with == and !=",
        find_membership,
        (body("return x in (1, 2)"), body("return x not in (1, 2)"), body("return x is state")),
        (body("return x == 1 or x == 2"), body("return not (x <= 1.0)")),
    ),
)  # fmt: skip

RULE_BY_NAME = {rule.name: rule for rule in RULES}


def offences(path: Path, tree: ast.Module, rules: tuple[Rule, ...] = RULES) -> list[str]:
    """Every offence of a module as ``file:line: what: what to do``."""
    excused = {deviation.rule for deviation in EXCEPTIONS if deviation.file == path.name}
    found = []
    for rule in rules:
        if rule.name not in excused:
            for node, what in rule.find(tree):
                where = f"{path}:{getattr(node, 'lineno', 1)}"
                found.append(f"{where}: {rule.name}: {what}: {rule.advice}")
    return sorted(found)


def judge(source: str, name: str = "snippet.py") -> set[str]:
    """Names of the rules that a piece of source trips."""
    tree = ast.parse(source)
    return {rule.name for rule in RULES if offences(Path(name), tree, (rule,))}


# --- the tests -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(KERNELS)))
def test_kernels_are_written_in_the_kernel_language(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    found = offences(path.relative_to(ROOT), tree)
    assert not found, "\n" + "\n".join(found)


def test_there_are_kernels_to_judge():
    assert any(path.name == "elementary.py" for path in MODULES)


@pytest.mark.parametrize(
    ("rule", "source"),
    [(rule, source) for rule in RULES for source in rule.trips],
    ids=lambda value: value.name if isinstance(value, Rule) else "",
)
def test_each_rule_catches_what_it_forbids(rule, source):
    assert rule.name in judge(source)


@pytest.mark.parametrize(
    ("rule", "source"),
    [(rule, source) for rule in RULES for source in rule.passes],
    ids=lambda value: value.name if isinstance(value, Rule) else "",
)
def test_each_rule_lets_the_allowed_neighbour_pass(rule, source):
    assert judge(source) == set()


def test_an_offence_names_file_line_and_remedy():
    (message,) = offences(Path("riskcore/kernels/x.py"), ast.parse(body("return x**2")))
    assert message == (
        "riskcore/kernels/x.py:6: powers: x ** 2: "
        "multiply it out, use math.sqrt, or elementary.power"
    )


def test_rules_have_distinct_names_and_both_kinds_of_example():
    assert len(RULE_BY_NAME) == len(RULES)
    for rule in RULES:
        assert rule.trips
        assert rule.passes
        assert rule.advice


@pytest.mark.parametrize("deviation", EXCEPTIONS, ids=lambda d: f"{d.file}: {d.rule}")
def test_every_exception_is_still_needed(deviation):
    (path,) = [p for p in MODULES if p.name == deviation.file]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert list(RULE_BY_NAME[deviation.rule].find(tree)), "remove it from EXCEPTIONS"


def test_an_exception_holds_for_its_file_only():
    assert "float to int" in judge(body("return int(x)"), "orders.py")
    assert "float to int" not in judge(body("return int(x)"), "elementary.py")
