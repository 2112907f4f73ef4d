import json
import sys
from pathlib import Path

kit = Path(json.loads({{ kit_root | jsonify | jsonify }}))
answers = json.loads({{ cookiecutter | jsonify | jsonify }})
sys.dont_write_bytecode = True
sys.path.insert(0, str(kit / "template"))

from kit_hooks import ENGAGEMENT, put_back, receive  # noqa: E402

put_back(kit / "template" / "engagement", Path.cwd())
grocery = {"data/grocery": "data/contract/grocery"} if answers["data"] == "grocery" else {}
receive(kit, Path.cwd(), language=answers["language"], folders=ENGAGEMENT | grocery)
if answers["data"] == "coffee":
    print("Its data is not there yet: fivestep simulate --out data/contract/coffee --language " + answers["language"])
print(f"{Path.cwd().name} is ready: its README.md says how to go on.")
