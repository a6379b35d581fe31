"""`paylink invoke`: runs one handler with an event from a file, as `sam local invoke` does."""

import argparse
import json
import sys
import traceback
from pathlib import Path
from typing import Any

from paylink_local.functions import FunctionLoadError, FunctionTimeout, apply_environment, load_function
from paylink_local.runtime_log import log_level
from paylink_local.settings import SettingsError
from paylink_local.template import TemplateError, find_template, load_template

HELP = "run one function with an event from a file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("function", metavar="FUNCTION", help="its folder, or its logical id in template.yaml")
    parser.add_argument(
        "--event", "-e", metavar="FILE", required=True, help="a file with the event as JSON; - is stdin"
    )


def run(args: argparse.Namespace) -> int:
    """Print the handler's answer as JSON and return 0; when there is none, say why on standard error and return 1."""
    try:
        print(json.dumps(_invoke(args.function, args.event), indent=2))
    except (TemplateError, SettingsError, FunctionLoadError, _BadEvent) as exc:
        print(f"paylink invoke: {exc}", file=sys.stderr)
        return 1
    except FunctionTimeout as exc:
        print(f"{exc.stack}paylink invoke: {exc}", file=sys.stderr)
        return 1
    except BaseException as exc:
        print(f"paylink invoke: function {args.function} raised {type(exc).__name__}{_hint(args)}", file=sys.stderr)
        traceback.print_exc()
        return 1
    return 0


class _BadEvent(Exception):
    """The event cannot be read."""


def _invoke(name: str, event_file: str) -> Any:
    template = load_template(find_template())
    function = template.function(name)
    event = _read_event(event_file)
    apply_environment(template)
    log_level()
    return load_function(function).call_within_timeout(event)


def _hint(args: argparse.Namespace) -> str:
    """Name the example events of the function, unless the event was one of them."""
    template = load_template(find_template())
    folder = template.function(args.function).folder
    examples = sorted((template.path.parent / "tests" / "events").glob(f"{folder}*.json"))
    if not examples or (args.event != "-" and Path(args.event).resolve() in examples):
        return ""
    return f"; events it understands: {', '.join(f'tests/events/{example.name}' for example in examples)}"


def _read_event(event_file: str) -> Any:
    try:
        if event_file == "-":
            return json.load(sys.stdin)
        with open(event_file, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as exc:
        raise _BadEvent(f"{event_file}: {exc}") from exc
