import json
import sys
from pathlib import Path

kit = Path(json.loads({{ kit_root | jsonify | jsonify }}))
answers = json.loads({{ cookiecutter | jsonify | jsonify }})
sys.dont_write_bytecode = True
sys.stdout.reconfigure(errors="replace")  # a console that has no Chinese characters still gets its project
sys.path.insert(0, str(kit / "template"))

from kit_hooks import COURSE, put_back, receive  # noqa: E402

put_back(kit / "template" / "course", Path.cwd())
receive(kit, Path.cwd(), language=answers["language"], folders=COURSE)
ready = {
    "en": "{} is ready: its README.md says how to begin.",
    "zh_CN": "{} 已生成：如何开始，见其中的 README.md。",
    "zh_TW": "{} 已產生：如何開始，見其中的 README.md。",
}
print(ready[answers["language"]].format(Path.cwd().name))
