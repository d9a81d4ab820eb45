"""A builder that a Python program holds: its file and name, or its source where no file can be named.

Nothing is pickled: workers, and whoever resumes, read a file that people can read. What is defined in a notebook or in
`__main__` is taken by its source, with the imports that it uses, so that it means the same there as here.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import inspect
import linecache
import symtable
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from harness.errors import UsageError
from harness.text import with_article

EXPECTED = "expected a function build_model(hp), a keras_tuner.HyperModel or file.py:function"


@dataclass(frozen=True, slots=True)
class Taken:
    """Where a builder is found again.

    Attributes:
        name: The function's or class's name in the file.
        file: The file of an importable module; None where `source` is to be written into one.
        source: Text of a file that defines it; empty where there is one.
    """

    name: str
    file: Path | None = None
    source: str = ""


def taken(given: Any, called: str) -> Taken:
    """A builder as a file can hold it.

    Args:
        given: A function, a class with a `build`, or an instance of one that was made without arguments.
        called: What messages call it, such as `families['mine']`.

    Raises:
        UsageError: It is neither, or reads what no file of its own would hold.
    """
    made = _definition(given, called)
    module = sys.modules.get(made.__module__)
    found, file = getattr(module, made.__name__, None), Path(getattr(module, "__file__", None) or "")
    importable = made.__module__ != "__main__" and (found is made or found is given)
    if importable and file.suffix == ".py" and file.is_file():
        return Taken(made.__name__, file.resolve())
    return Taken(made.__name__, source=_source(made, called))


def _definition(given: Any, called: str) -> Any:
    """The function or class behind what was given."""
    if isinstance(given, FunctionType):
        if given.__name__ == "<lambda>":
            raise UsageError(f"{called}: a lambda, which has no name in a file: expected def build_model(hp)")
        return inspect.unwrap(given)
    if isinstance(given, MethodType):
        raise UsageError(f"{called}: a method of one {type(given.__self__).__name__}: {EXPECTED}")
    kind = given if isinstance(given, type) else type(given)
    keras = any(base.__module__.partition(".")[0] == "keras" for base in kind.__mro__)
    if keras or not callable(getattr(kind, "build", None)):
        what = f"the class {kind.__name__}" if kind is given else with_article(kind.__name__)
        raise UsageError(f"{called}: {what}: {EXPECTED}")
    if kind is not given and not _made_without_arguments(given):
        raise UsageError(
            f"{called}: {with_article(kind.__name__)} that was made with arguments, which no file holds: expected the "
            "class, a function, or file.py:name of one that a file makes"
        )
    return kind


def _made_without_arguments(given: Any) -> bool:
    def plain(one: Any) -> dict[str, Any]:  # a `HyperModel` puts a method of its own among them
        return {name: value for name, value in vars(one).items() if not callable(value)}

    try:
        return bool(plain(type(given)()) == plain(given))
    except Exception:  # whatever the user's class does, or its attributes when they are compared
        return False


def _source(made: Any, called: str) -> str:
    """Text of a file that defines a function or class, with the imports that it uses."""
    here = f"{called}: {made.__name__}"
    if isinstance(made, FunctionType) and (outer := made.__code__.co_freevars):
        raise UsageError(f"{here} reads {outer[0]} of the function around it: expected all that it uses inside of it")
    try:
        text = textwrap.dedent(inspect.getsource(made))
        (node,) = ast.parse(text).body
    except (OSError, TypeError, SyntaxError, ValueError):
        node, text = None, ""
    if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name != made.__name__ or not _is_of(text, made):
        raise UsageError(
            f"{here} has no source that can be read (python -c, standard input, exec, or a file that has changed "
            "since): expected it in a .py file, as file.py:function"
        )
    known = made.__globals__ if isinstance(made, FunctionType) else vars(sys.modules.get(made.__module__, inspect))
    imports = set[str]()
    for name in sorted(_names_from_outside(node, here) - {node.name}):
        if name in known:
            imports |= _imports_of(name, known, made)
            if not imports_name(imports, name):
                what = "function" if isinstance(known[name], FunctionType) else type(known[name]).__name__
                what = with_article("class" if isinstance(known[name], type) else what)
                raise UsageError(
                    f"{here} reads {name}, {what} of this program: expected it inside of {made.__name__}, or all of "
                    "it in a .py file, as file.py:function"
                )
        elif not hasattr(builtins, name):
            raise UsageError(f"{here} reads {name}, which is not defined: expected it inside of {made.__name__}")
    head = '"""A builder, as a Python program handed it to `harness`."""\n\nfrom __future__ import annotations\n\n'
    return head + "".join(f"{line}\n" for line in sorted(imports)) + f"\n\n{text}"


def _is_of(text: str, made: Any) -> bool:
    """Whether a source is what was run: a file may have changed since. Of a class that does not show."""
    if not isinstance(made, FunctionType):
        return True
    code = made.__code__
    flags = code.co_flags & __future__.annotations.compiler_flag
    # The compiler writes `layers.LSTM(…)` in another way where the same file or cell imports `layers`.
    around = "".join(linecache.getlines(code.co_filename)) or text
    try:
        whole = compile(around, "<source>", "exec", flags, dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return any(one.co_name == made.__name__ and _same(one, code) for one in _codes(whole))


def _codes(code: CodeType) -> Iterator[CodeType]:
    """All code within some code."""
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield one
            yield from _codes(one)


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, CodeType) and isinstance(second, CodeType):
        alike = all(getattr(first, key) == getattr(second, key) for key in ("co_code", "co_names", "co_varnames"))
        pairs = zip(first.co_consts, second.co_consts, strict=False)
        return alike and len(first.co_consts) == len(second.co_consts) and all(_same(*pair) for pair in pairs)
    if isinstance(first, str) and isinstance(second, str):  # a docstring that is indented is so no more
        return first.split() == second.split()
    return type(first) is type(second) and repr(first) == repr(second)


class _WithoutAnnotations(ast.NodeTransformer):
    """Annotations are never looked up, since the file that is written puts their evaluation off."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)


def _names_from_outside(node: ast.stmt, here: str) -> set[str]:
    """Names that a definition reads and does not bind itself, its decorators' and defaults' among them."""
    bare = ast.Module([_WithoutAnnotations().visit(node)], type_ignores=[])
    top = symtable.symtable(ast.unparse(ast.fix_missing_locations(bare)), "<source>", "exec")
    found = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    for table in _tables(top):
        for symbol in table.get_symbols():
            if symbol.is_declared_global() and symbol.is_assigned():
                raise UsageError(f"{here} writes the global {symbol.get_name()}: expected a function without traces")
            if symbol.is_global():
                found.add(symbol.get_name())
    return found


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _tables(child)


def imports_name(imports: set[str], name: str) -> bool:
    """Whether import statements bind a name."""
    return any(name in map(_bound, node.names) for line in imports for node in ast.parse(line).body)  # type: ignore[attr-defined]


def _bound(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _imports_of(name: str, known: Mapping[str, Any], made: Any) -> set[str]:
    """Import statements that bind a name to what it means: the program's own, else by where that is defined."""
    found = {
        text
        for tree in _program(known, made)
        for node in ast.walk(tree)
        for alias in (node.names if isinstance(node, ast.Import | ast.ImportFrom) else ())
        if _bound(alias) == name and (text := _import_of(node, alias, known[name]))
    }
    return found or _import_by_home(name, known[name])


def _program(known: Mapping[str, Any], made: Any) -> Iterator[ast.Module]:
    """The texts that bound a program's names: its file, and the cells of a notebook."""
    code = getattr(made, "__code__", None)
    cells = known.get("In")
    file = code.co_filename if code else str(known.get("__file__", ""))
    for text in ("".join(linecache.getlines(file)), *(cells if isinstance(cells, list) else ())):
        try:
            yield ast.parse(str(text))
        except (SyntaxError, ValueError):  # a cell of IPython's own commands
            continue


def _import_of(node: Any, alias: ast.alias, meant: Any) -> str:
    """The statement, where it means this object; empty where it means another."""
    name = f" as {alias.asname}" if alias.asname else ""
    if isinstance(node, ast.Import):
        whole = alias.name if alias.asname else alias.name.partition(".")[0]
        return f"import {alias.name}{name}" if sys.modules.get(whole) is meant else ""
    if node.level or not node.module:
        return ""
    within = sys.modules.get(node.module)
    same = getattr(within, alias.name, sys.modules.get(f"{node.module}.{alias.name}")) is meant
    return f"from {node.module} import {alias.name}{name}" if within is not None and same else ""


def _import_by_home(name: str, meant: Any) -> set[str]:
    if isinstance(meant, ModuleType):
        same = meant.__name__ != "__main__" and sys.modules.get(meant.__name__) is meant
        return {f"import {meant.__name__} as {name}"} if same else set()
    home, own = str(getattr(meant, "__module__", "")), str(getattr(meant, "__name__", ""))
    if home in ("", "__main__") or not own or getattr(sys.modules.get(home), own, None) is not meant:
        return set()
    return {f"from {home} import {own}" + (f" as {name}" if name != own else "")}
