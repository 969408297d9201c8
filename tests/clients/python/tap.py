"""Runs a story step by step and prints it in the Test Anything Protocol."""

import contextlib
import sys
import traceback

_completed = 0


@contextlib.contextmanager
def step(name):
    global _completed
    try:
        yield
    except Exception:
        print(f"not ok - {name}", flush=True)
        traceback.print_exc()
        sys.exit(1)
    _completed += 1
    print(f"ok - {name}", flush=True)


def equal(got, expected):
    if got != expected:
        raise AssertionError(f"expected {expected!r}, got {got!r}")


def the_end():
    print(f"1..{_completed}", flush=True)
