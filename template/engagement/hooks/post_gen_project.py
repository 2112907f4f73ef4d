import json
import sys
from pathlib import Path

kit = Path(json.loads({{ kit_root | jsonify | jsonify }}))
answers = json.loads({{ cookiecutter | jsonify | jsonify }})
sys.dont_write_bytecode = True
sys.stdout.reconfigure(errors="replace")  # a console that has no Chinese characters still gets its project
sys.path.insert(0, str(kit / "template"))

from kit_hooks import ENGAGEMENT, put_back, receive  # noqa: E402

put_back(kit / "template" / "engagement", Path.cwd())
grocery = {"data/grocery": "data/contract/grocery"} if answers["data"] == "grocery" else {}
receive(kit, Path.cwd(), language=answers["language"], folders=ENGAGEMENT | grocery)
absent, ready = {
    "en": ("Its data is not there yet: ", "{} is ready: its README.md says how to go on."),
    "zh_CN": ("数据尚未生成：", "{} 已生成：接下来怎么做，见其中的 README.md。"),
    "zh_TW": ("資料尚未產生：", "{} 已產生：接下來怎麼做，見其中的 README.md。"),
}[answers["language"]]
if answers["data"] == "coffee":
    print(f"{absent}fivestep simulate --out data/contract/coffee --language {answers['language']}")
print(ready.format(Path.cwd().name))
