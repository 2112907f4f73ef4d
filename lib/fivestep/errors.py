"""What a user is told when something they can mend is wrong."""

from __future__ import annotations


class UserError(Exception):
    """A problem that the user can mend: one message that names it and the fix, in the language in use where it is raised.

    Commands print the message and stop; notebooks show it without a traceback.
    """

    def _render_traceback_(self) -> list[str]:
        # IPython calls this in place of its own traceback.
        return [f"{type(self).__name__}: {self}"]
