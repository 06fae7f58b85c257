"""``python -m bench``: measure everything and print the table that the README shows."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.suite import broken_budgets, run

RESULTS = Path(__file__).resolve().parent / "out" / "results.json"


def main() -> int:
    """Run; the exit code is 1 where a budget is broken."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds, the default shape only")
    parser.add_argument("--no-peers", action="store_true", help="leave out other people's tools")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the figures go")
    chosen = parser.parse_args()
    report = run(
        quick=chosen.quick,
        with_peers=not chosen.no_peers,
        progress=lambda text: print(f"... {text}", file=sys.stderr, flush=True),
    )
    report.write(chosen.json)
    print(report.table())
    broken = broken_budgets(report)
    for line in broken:
        print(f"over budget: {line}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
