"""The five steps as a course: exercises that check themselves, student copies, and a class graded."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fivestep.course.checking import Course, NotYetError, check, open_course, progress
    from fivestep.course.planner import planner_headline, planner_profile
    from fivestep.course.words import glossary

__all__ = ["Course", "NotYetError", "check", "glossary", "open_course", "planner_headline", "planner_profile", "progress"]
_MODULES = {"glossary": "words", "planner_headline": "planner", "planner_profile": "planner"}


def __getattr__(name: str) -> Any:
    # Loaded when asked for: the process that executes a learner's notebook within limits needs no analysis.
    if name in __all__:
        return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'checking')}"), name)
    raise AttributeError(name)
