"""Write docs/api.yaml: ./scripts/openapi [--check | --record]."""

import argparse
import sys
from pathlib import Path

from openapi.document import render
from openapi.examples import read_examples, write_examples

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "api.yaml"


def main() -> int:
    parser = argparse.ArgumentParser(prog="./scripts/openapi", description="Write docs/api.yaml from the code.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="only tell whether it is what the code says")
    what.add_argument("--record", action="store_true", help="first record the examples anew, from the running stack")
    options = parser.parse_args()
    if options.record:
        from openapi.record import record

        write_examples(record())
    text = render(read_examples())
    if options.check:
        if DOCUMENT.read_text() != text:
            print("docs/api.yaml is not what the code says: run ./scripts/openapi", file=sys.stderr)
            return 1
        return 0
    DOCUMENT.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
