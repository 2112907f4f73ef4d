"""Settings files as people write them: one mapping of keys, in the plain part of YAML."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import yaml

from fivestep.errors import UserError


class _Loader(yaml.SafeLoader):
    """YAML whose aliases do not nest, as a short file could become endless, whose dates stay the text that was written, and which
    holds no key twice, as one of them would be lost.
    """

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    _anchors = 0  # that the place which is being read stands in

    def compose_node(self, parent: Any, index: Any) -> yaml.Node:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            if self._anchors:
                raise yaml.MarkedYAMLError(
                    problem=f"the alias *{event.anchor} stands within another anchor (&): write the values out",
                    problem_mark=event.start_mark,
                )
            return super().compose_node(parent, index)
        self._anchors += event.anchor is not None
        node = super().compose_node(parent, index)
        self._anchors -= event.anchor is not None
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        if key := repeated(node):
            raise yaml.MarkedYAMLError(problem=f"{key.value!r} is written twice", problem_mark=key.start_mark)
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
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise UserError(f"{path.name} cannot be read: {where}{error.problem or error.context}.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path.name} cannot be read: it is not UTF-8 text. Save it as UTF-8.") from None
    except RecursionError:
        raise UserError(f"{path.name} cannot be read: lists or keys stand within each other without end.") from None
    except (yaml.YAMLError, ValueError, OSError) as error:
        raise UserError(f"{path.name} cannot be read: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(said, dict):
        raise UserError(f"{path.name}: expected lines of the form `key: value`.")
    return said


def problem(error: Mapping[str, Any]) -> str:
    """What is wrong with one value, from an entry of pydantic's ``errors()``: the rule, what the file says, and the fix."""
    value = error["input"]
    says = f" (it says {reprlib.repr(value)})" if isinstance(value, (str, int, float, type(None))) else ""
    fix = " Put it in quotes." if error["type"] == "string_type" and says else ""
    return f"{error['msg'].removeprefix('Value error, ')}{says}.{fix}"
