import json
import sys
from pathlib import Path

# JSON twice: the outer layer is a Python literal, the inner one keeps what a literal would break (an emoji in a path).
kit = Path(json.loads({{ kit_root | jsonify | jsonify }}))
given = json.loads({{ (_cookiecutter if _cookiecutter is defined else {}) | jsonify | jsonify }})  # cruft does not say
sys.dont_write_bytecode = True
sys.path.insert(0, str(kit / "template"))

from kit_hooks import evaluated, set_aside  # noqa: E402

if problem := evaluated(kit / "template" / "course", given):
    sys.exit(problem)
set_aside(kit / "template" / "course", Path.cwd())
