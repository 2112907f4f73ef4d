"""Settings files as people write them: one mapping of keys, in the plain part of YAML."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import yaml

from fivestep.errors import UserError
from fivestep.language import N_, _, sentence, typeset

_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


def _without_sixties(tag: str, pattern: re.Pattern[str]) -> re.Pattern[str]:
    """The pattern of a number, but for those that YAML 1.1 writes to the base of 60 with colons."""
    return re.compile(f"(?![^:]*:)(?:{pattern.pattern})", re.VERBOSE) if tag in _NUMBERS else pattern


class _Loader(yaml.SafeLoader):
    """YAML whose aliases do not nest, as a short file could become endless, whose dates and times stay the text that was written
    (1:30 is no 90), and which holds no key twice, as one of them would be lost.
    """

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, _without_sixties(tag, pattern)) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    _anchors = 0  # that the place which is being read stands in

    def compose_node(self, parent: Any, index: Any) -> yaml.Node:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            if self._anchors:
                raise yaml.MarkedYAMLError(
                    problem=_("the alias *{name} stands within another anchor (&): write the values out").format(
                        name=event.anchor
                    ),
                    problem_mark=event.start_mark,
                )
            return super().compose_node(parent, index)
        self._anchors += event.anchor is not None
        node = super().compose_node(parent, index)
        self._anchors -= event.anchor is not None
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        if key := repeated(node):
            said = _("{key!r} is written twice").format(key=key.value)
            raise yaml.MarkedYAMLError(problem=said, problem_mark=key.start_mark)
        return super().construct_mapping(node, deep)


def repeated(node: yaml.MappingNode) -> yaml.ScalarNode | None:
    """The first key that a mapping holds a second time; None where it holds none twice."""
    seen = set()
    for key, _value in node.value:
        if isinstance(key, yaml.ScalarNode):
            if key.value in seen:
                return key
            seen.add(key.value)
    return None


def mapping(path: Path) -> dict[Any, Any]:
    """What the file says, as keys and values.

    Raises UserError with the line and what is wrong with it where the file cannot be read.
    """
    try:
        said = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = sentence(error.problem or error.context)
        if mark:
            place = {"line": mark.line + 1, "column": mark.column + 1}
            reason = _("line {line}, column {column}: {problem}").format(**place, problem=reason)
        raise UserError(_("{file} cannot be read: {reason}").format(file=path.name, reason=reason)) from None
    except UnicodeDecodeError:
        raise UserError(_("{file} cannot be read: it is not UTF-8 text. Save it as UTF-8.").format(file=path.name)) from None
    except RecursionError:
        said = _("{file} cannot be read: lists or keys stand within each other without end.")
        raise UserError(said.format(file=path.name)) from None
    except (yaml.YAMLError, ValueError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(_("{file} cannot be read: {reason}").format(file=path.name, reason=reason)) from None
    if not isinstance(said, dict):
        raise UserError(_("{file}: expected lines of the form `key: value`.").format(file=path.name))
    return said


# What is wrong with a value, by the type of pydantic's error; of others it is told in its own English.
_RULES = {
    "missing": N_("This key is missing"),
    "extra_forbidden": N_("There is no such key"),
    "invalid_key": N_("Keys must be texts"),
    "string_type": N_("Write a text"),
    "int_type": N_("Write a whole number"),
    "int_parsing": N_("Write a whole number"),
    "int_from_float": N_("Write a whole number"),
    "float_type": N_("Write a number"),
    "float_parsing": N_("Write a number"),
    "finite_number": N_("Write a finite number"),
    "bool_type": N_("Write true or false"),
    "bool_parsing": N_("Write true or false"),
    "list_type": N_("Write a list, such as [a, b]"),
    "tuple_type": N_("Write a list, such as [a, b]"),
    "dict_type": N_("Write lines of the form `key: value` below it"),
    "model_type": N_("Write lines of the form `key: value` below it"),
    "literal_error": N_("Write {expected}"),
    "string_too_short": N_("Write a text; its least length is {min_length}"),
    "too_short": N_("The list is too short; it has {actual_length}, and needs {min_length}"),
    "too_long": N_("The list is too long; it has {actual_length}, and may have {max_length}"),
    "greater_than": N_("Write a number greater than {gt}"),
    "greater_than_equal": N_("Write {ge} or a greater number"),
    "less_than": N_("Write a number less than {lt}"),
    "less_than_equal": N_("Write {le} or a smaller number"),
    "value_error": "{error}",
}


def problem(error: Mapping[str, Any]) -> str:
    """What is wrong with one value, from an entry of pydantic's ``errors()``: the rule, what the file says, and the fix."""
    value, kind = error["input"], error["type"]
    values = {name: f"{limit:g}" if isinstance(limit, float) else limit for name, limit in error.get("ctx", {}).items()}
    if "expected" in values:
        values["expected"] = values["expected"].removeprefix("'', ").replace(" or ", _(" or "))
    rule = _(_RULES[kind]).format(**values) if kind in _RULES else error["msg"]
    if not isinstance(value, (str, int, float, type(None))):
        return sentence(rule)
    said = _("{rule} (it says {value}).").format(rule=rule, value=reprlib.repr(value))
    fix = _("Put it in quotes.")
    return typeset(f"{said} {fix}") if kind == "string_type" else said


def problems(file: str, errors: Sequence[Mapping[str, Any]], keys: Iterable[str] = ()) -> list[str]:
    """A line for each of pydantic's ``errors()``: file, key, what is wrong, and the *keys* there are where one is not known."""
    lines = []
    for error in errors:
        key = ".".join(str(part) for part in error["loc"])
        lines.append(typeset(f"{file}: {key}: {problem(error)}{known(error, keys)}"))
    return lines


def known(error: Mapping[str, Any], keys: Iterable[str]) -> str:
    """The sentence with the *keys* there are, where an entry of pydantic's ``errors()`` is about one that is none of them."""
    if not keys or error["type"] not in ("extra_forbidden", "invalid_key"):
        return ""
    return " " + _("Keys are {keys}.").format(keys=", ".join(keys))
