"""`fivestep map` and `fivestep import` as an analyst runs them: exit codes, and what stands in the terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

CSV = "订单编号,会员编号,手机号,下单时间,实付金额\nO1,M1,13912345678,2024-03-05 10:00:00,10.50\nO2,M2,,2024-03-06 11:00:00,2.00\n"


def test_from_a_chinese_export_to_a_snapshot_and_a_changed_header_in_the_terminal(tmp_path):
    project = tmp_path / "review"
    (project / "notebooks").mkdir(parents=True)
    (project / "data" / "raw").mkdir(parents=True)
    (project / "engagement.yml").write_text("name: Trial\nclient: Somebody\ncurrency: CNY\ntime_zone: Asia/Shanghai\n", "utf-8")
    raw = project / "data" / "raw" / "orders.csv"
    raw.write_text(CSV, "gb18030")

    def fivestep(*words: str) -> subprocess.CompletedProcess:
        environment = {**os.environ, "FIVESTEP_KEY": "0f" * 32, "PYTHONUTF8": "1", "NO_COLOR": "1"}
        command = [sys.executable, "-m", "fivestep.cli", *words]
        return subprocess.run(
            command, cwd=project, env=environment, capture_output=True, encoding="utf-8", stdin=subprocess.DEVNULL
        )

    proposed = fivestep("map", "--yes")
    assert (proposed.returncode, proposed.stderr) == (0, "")
    assert "orders.csv: orders; columns: 5, open questions: 0" in proposed.stdout
    assert "Next: fivestep import" in proposed.stdout
    done = fivestep("import")
    assert (done.returncode, done.stderr) == (0, "")
    assert "orders: 2 rows" in done.stdout
    assert str(Path("data", "contract", "2024-03-06")) in done.stdout
    orders = pd.read_parquet(project / "data" / "contract" / "2024-03-06" / "orders.parquet")
    assert orders.set_index("order_id")["order_amount"].map(str).to_dict() == {"O1": "10.50", "O2": "2.00"}
    assert "13912345678" not in proposed.stdout + done.stdout
    again = fivestep("import")
    assert again.returncode == 0
    assert "Nothing new" in again.stdout
    raw.write_text(CSV.replace("实付金额", "已付"), "gb18030")
    changed = fivestep("import")
    assert changed.returncode == 2
    assert "Traceback" not in changed.stderr
    assert "orders.csv: the column '实付金额' is gone" in changed.stderr
    assert pd.read_parquet(project / "data" / "contract" / "2024-03-06" / "orders.parquet").equals(orders)
