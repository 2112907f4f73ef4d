"""Whether intervals of what points bring hold the truth, in simulated companies.

python benchmarks/points.py FIRST_SEED COMPANIES
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from fivestep import strategy
from fivestep.cases.exam import Company
from fivestep.cases.simulate import simulate

CUSTOMERS = 5000


def main(first: int, companies: int) -> None:
    """Print the estimate, its interval and the truth of every tier whose points changed, and how many intervals cover."""
    counts = {"told": 0, "covered": 0, "refused or not seen": 0}
    for seed in range(first, first + companies):
        with tempfile.TemporaryDirectory() as folder:
            company = Company.of(simulate(Path(folder) / "company", customers=CUSTOMERS, seed=seed))
            told = company.told("loyalty_points")
            rows = strategy.points(company.tables, strategy.playbook()).table.set_index("member_level")
            for tier, truth in ((told["brings_more"], told["additional_orders"]), (told["costs_more"], 0.0)):
                low, middle, high = rows.loc[tier, ["points_effect_low", "points_effect", "points_effect_high"]]
                if middle != middle:
                    counts["refused or not seen"] += 1
                    print(f"{seed} {tier}: {rows.loc[tier, 'points_verdict']}")
                    continue
                counts["told"] += 1
                counts["covered"] += int(low <= truth <= high)
                print(f"{seed} {tier}: {middle:.3f} [{low:.3f}, {high:.3f}], truth {truth}: {rows.loc[tier, 'points_verdict']}")
    print(counts)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
