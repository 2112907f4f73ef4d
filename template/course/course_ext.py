"""The extension of the engagement's template, for this one: where the kit is, and whether the answers are right."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

_spec = spec_from_file_location("engagement_ext", Path(__file__).resolve().parents[1] / "engagement" / "kit_ext.py")
_engagement = module_from_spec(_spec)
_spec.loader.exec_module(_engagement)

Kit = _engagement.Kit
