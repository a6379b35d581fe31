"""A template in a folder of its own, made of a few parts."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from paylink_local.template import Template, load_template

HEAD = "Transform: AWS::Serverless-2016-10-31\n"
FUNCTION = """\
Globals: {Api: {BinaryMediaTypes: ["*~1*"]}}
Resources:
  OrdersQueue: {Type: AWS::SQS::Queue}
  ShopFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/shop/
      Handler: app.handler
"""


@pytest.fixture
def write_template(tmp_path: Path) -> Callable[[str], Path]:
    """Write `template.yaml` from its sections, beside an empty folder `functions/shop`; return its path."""

    def write(sections: str) -> Path:
        (tmp_path / "functions" / "shop").mkdir(parents=True, exist_ok=True)
        path = tmp_path / "template.yaml"
        path.write_text(HEAD + textwrap.dedent(sections))
        return path

    return write


@pytest.fixture
def read_template(write_template: Callable[[str], Path]) -> Callable[[str], Template]:
    """Read a template from its sections, on a machine with a region and an address for SQS."""

    def read(sections: str) -> Template:
        environ = {"AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9324", "AWS_DEFAULT_REGION": "ap-southeast-3"}
        return load_template(write_template(sections), environ)

    return read


@pytest.fixture
def read_function(read_template: Callable[[str], Template]) -> Callable[[str], Template]:
    """Read a template of one function, `functions/shop`, from its further properties; there are queues to name."""

    def read(properties: str) -> Template:
        return read_template(FUNCTION + textwrap.indent(textwrap.dedent(properties), " " * 6))

    return read
