import json
import sys
from pathlib import Path

kit = Path(json.loads({{ kit_root | jsonify | jsonify }}))
answers = json.loads({{ cookiecutter | jsonify | jsonify }})
sys.dont_write_bytecode = True
sys.path.insert(0, str(kit / "template"))

from kit_hooks import COURSE, put_back, receive  # noqa: E402

put_back(kit / "template" / "course", Path.cwd())
receive(kit, Path.cwd(), language=answers["language"], folders=COURSE)
print(f"{Path.cwd().name} is ready: its README.md says how to begin.")
