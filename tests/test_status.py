"""A lock file that was spoilt is told in one line."""

from __future__ import annotations

import pytest

from fivestep import status
from fivestep.errors import UserError


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{}",
        "{",
        '{"folders": 1, "files": {}, "cells": {}}',
        '{"folders": [1], "files": {}, "cells": {}}',
        '{"folders": ["lib"], "files": ["a"], "cells": {}}',
        '{"folders": ["lib"], "files": {"a": 1}, "cells": {}}',
        '{"folders": ["lib"], "files": {}, "cells": null}',
        "[" * 100_000,
    ],
)
def test_a_lock_of_other_types_is_one_that_cannot_be_read(tmp_path, content):
    (tmp_path / "kit.lock.json").write_text(content)
    with pytest.raises(UserError, match=r"^kit\.lock\.json cannot be read, perhaps after a merge\. Restore it from git"):
        status.received(tmp_path)


def test_a_lock_as_it_was_received_is_read(tmp_path):
    (tmp_path / "kit.lock.json").write_text('{"folders": ["lib"], "files": {"lib/a.py": "0"}, "cells": {}, "kit": "1"}')
    assert status.received(tmp_path) == [status.FileStatus("lib/a.py", "deleted")]
