"""The five steps as a course: exercises that check themselves, student copies, and a class graded."""

from fivestep.course import columns  # noqa: F401  registers what the tables of the course are called
from fivestep.course.checking import Course, NotYetError, check, open_course, progress
from fivestep.course.glossary import glossary
from fivestep.course.planner import planner_profile

__all__ = ["Course", "NotYetError", "check", "glossary", "open_course", "planner_profile", "progress"]
