"""Tell what a load needs, from measured service times: places, connections, processors, bytes, money."""

import argparse
import sys
from collections.abc import Sequence

from bench.capacity import page
from bench.capacity.inputs import Inputs, Measured
from bench.common.rules import VOID, Void


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    if options.measure:
        from bench.capacity.measure import measure, write

        try:
            write(measure(lambda line: print(line, file=sys.stderr, flush=True)))
        except Void as exc:
            print(f"void: {exc}", file=sys.stderr)
            return VOID
    inputs = Inputs(Measured.read())
    if options.write_docs:
        page.write(inputs)
    if options.check:
        found = page.outdated(inputs)
        print("\n".join(f"docs/scaling.md is not what the model says: {name}" for name in found), end="")
        return int(bool(found))
    print(page.text(inputs))
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench capacity", description=__doc__)
    parser.add_argument("--measure", action="store_true", help="measure what the model starts from anew, in a minute")
    parser.add_argument("--check", action="store_true", help="only tell whether docs/scaling.md says the same")
    parser.add_argument("--write-docs", action="store_true", help="write the tables of docs/scaling.md anew")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
