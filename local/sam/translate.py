"""Print template.yaml as the JSON that CloudFormation gets. Run by the Python of SAM's environment, .paylink/sam."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

# `sam package` puts such addresses there; nothing is fetched.
_UPLOADED = "s3://bucket/key"
_CODE = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}


class _NoPolicies:
    """The template names managed policies by their ARN alone."""

    def load(self) -> dict[str, str]:
        return {}


def translate(template: Path) -> dict[str, Any]:
    document = yaml_parse(template.read_text(encoding="utf-8"))
    for resource in document["Resources"].values():
        resource.pop("Metadata", None)
        if resource["Type"] in _CODE:
            resource["Properties"][_CODE[resource["Type"]]] = _UPLOADED
    # The region decides what there is; it is where most of our users are.
    os.environ.setdefault("AWS_DEFAULT_REGION", "ap-southeast-3")
    translated: dict[str, Any] = transform(document, {}, _NoPolicies())
    return translated


if __name__ == "__main__":
    json.dump(translate(Path(sys.argv[1])), sys.stdout, indent=2)
