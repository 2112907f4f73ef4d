"""What a notebook may be told: the typed names of its parameters cell."""

from __future__ import annotations

import ast
import difflib
from dataclasses import dataclass
from typing import Any

import nbformat

from fivestep.errors import UserError
from fivestep.language import _

_TYPES = {"str": str, "int": int, "float": float, "bool": bool}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a notebook: its type and default."""

    name: str
    type: type
    default: Any


def declared(notebook: nbformat.NotebookNode, name: str) -> dict[str, Parameter]:
    """The parameters of a notebook: annotated assignments in the cell tagged ``parameters``."""
    cells = [c for c in notebook.cells if c.cell_type == "code" and "parameters" in c.metadata.get("tags", ())]
    if len(cells) != 1:
        raise UserError(
            _("{name}: {n} cells are tagged `parameters`. Give exactly one cell that tag.").format(name=name, n=len(cells))
        )
    try:
        lines = ast.parse(cells[0].source).body
    except SyntaxError as error:
        raise UserError(
            _("{name}: the parameters cell is not Python (line {line}: {reason}).").format(
                name=name, line=error.lineno, reason=error.msg
            )
        ) from None
    out = {}
    for line in lines:
        if not (
            isinstance(line, ast.AnnAssign)
            and isinstance(line.target, ast.Name)
            and isinstance(line.annotation, ast.Name)
            and line.value is not None
        ):
            raise UserError(
                _("{name}: line {line} of the parameters cell must read `name: type = value`.").format(
                    name=name, line=line.lineno
                )
            )
        kind = _TYPES.get(line.annotation.id)
        if kind is None:
            raise UserError(
                _("{name}: parameter {parameter} has type {type}; types are {choices}.").format(
                    name=name, parameter=line.target.id, type=line.annotation.id, choices=", ".join(_TYPES)
                )
            )
        try:
            default = ast.literal_eval(line.value)
        except ValueError:
            raise UserError(
                _("{name}: the value of parameter {parameter} must be written out, not computed.").format(
                    name=name, parameter=line.target.id
                )
            ) from None
        out[line.target.id] = Parameter(line.target.id, kind, default)
        _typed(name, out[line.target.id], default)
    return out


def check(notebook: nbformat.NotebookNode, name: str, given: dict[str, Any]) -> None:
    """Raise `UserError` where *given* holds a parameter that the notebook does not declare, or one of another type."""
    known = declared(notebook, name)
    for key, value in given.items():
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            said = (
                _("{file}: there is no parameter {key!r}. Did you mean {close}? Its parameters are {choices}.")
                if close
                else _("{file}: there is no parameter {key!r}. Its parameters are {choices}.")
            )
            raise UserError(said.format(file=name, key=key, close="".join(close), choices=", ".join(known)))
        _typed(name, known[key], value)


def _typed(name: str, parameter: Parameter, value: Any) -> None:
    fits = isinstance(value, parameter.type) and not (isinstance(value, bool) and parameter.type is not bool)
    if not fits and not (parameter.type is float and isinstance(value, int) and not isinstance(value, bool)):
        raise UserError(
            _("{name}: parameter {parameter} is a {type}, and {value!r} is not one.").format(
                name=name, parameter=parameter.name, type=parameter.type.__name__, value=value
            )
        )
