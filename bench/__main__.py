"""``python -m bench``: measure everything and print the table that the README shows."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.budgets import write_table
from bench.picture import draw
from bench.suite import broken_budgets, run

OUT = Path(__file__).resolve().parent / "out"
RESULTS, PICTURE = OUT / "results.json", OUT / "latency.png"


def main() -> int:
    """Run; the exit code is 1 where a budget is broken."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds, the default shape only")
    parser.add_argument("--no-peers", action="store_true", help="leave out other people's tools")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the figures go")
    parser.add_argument("--picture", type=Path, default=PICTURE, help="where the picture goes")
    parser.add_argument(
        "--accept-instructions",
        action="store_true",
        help="make this run's instruction counts the table that later runs are held to",
    )
    chosen = parser.parse_args()
    report = run(
        quick=chosen.quick,
        with_peers=not chosen.no_peers,
        progress=lambda text: print(f"... {text}", file=sys.stderr, flush=True),
    )
    report.write(chosen.json)
    assert report.timer is not None
    draw(report.latencies, report.timer, chosen.picture)
    print(report.table())
    if chosen.accept_instructions:
        write_table(report.instructions, report.cpu)
    broken = broken_budgets(report)
    for line in broken:
        print(f"fails: {line}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
