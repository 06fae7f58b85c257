"""Watch the engine from a second process, as a risk officer's desk would.

Prints how the account stands, beats as its monitor, gives it other limits and pulls the kill
switch. None of it stops the engine's thread: the page is read under its sequence lock, and wishes
wait on the control page for the engine's next event.

    python engine/watch.py shm:demo --seconds 60 --author Ada --limits my.yaml --kill-at 0.02
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from riskcore import ControlPage, PublishedPage, RiskCoreError


def line(page: Any) -> str:
    """One line about the account."""
    return (
        f"equity {page['equity']:.2f}  drawdown {page['drawdown']:.4%}  "
        f"gross {page['gross_leverage']:.3f}  open orders {page['open_orders']}  "
        f"limits v{page['parameters_version']}  "
        f"{'KILLED' if page['kill'] else 'running'}  event {page['event_count']}"
    )


def watch(given: argparse.Namespace) -> int:
    """Look every `interval` seconds until the time is up or the account is killed."""
    page, control = PublishedPage(given.place), ControlPage(given.place)
    if given.limits:
        control.set_config(given.limits, given.author)
    killed_by_us = False
    end = time.monotonic() + given.seconds
    while True:
        control.beat()
        now = page.read()
        print(line(now), flush=True)
        if now["kill"]:
            return 0
        if not killed_by_us and now["drawdown"] >= given.kill_at:
            control.kill(given.author)
            killed_by_us = True
            print(f"kill: drawdown is at or above {given.kill_at:.4%}", flush=True)
        if time.monotonic() >= end:
            return 0
        time.sleep(given.interval)


def main() -> int:
    """Read the arguments and watch."""
    parser = argparse.ArgumentParser(description="Watch an engine's account and steer it.")
    parser.add_argument("place", help="the account: a folder, or shm:NAME")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between two looks")
    parser.add_argument("--author", default="watch", help="who asks; the journal keeps it")
    parser.add_argument("--limits", help="a file of limits to give it first")
    parser.add_argument(
        "--kill-at", type=float, default=1.0, help="pull the kill switch at this drawdown, 0 to 1"
    )
    try:
        return watch(parser.parse_args())
    except RiskCoreError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
