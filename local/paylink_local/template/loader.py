"""Turns the file into a `Template`: which resources count, what is passed over, and what holds only for all of them."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from paylink_local.template.apis import Apis
from paylink_local.template.functions import read_function
from paylink_local.template.intrinsics import Resolver, Unresolved, parse_yaml
from paylink_local.template.model import Function, Queue, Template, TemplateError
from paylink_local.template.properties import Properties
from paylink_local.template.queues import check_dead_letter_queues, queue_arn, queue_name, queue_url, read_queue

DEFAULT_SQS_ENDPOINT = "http://127.0.0.1:4566"
DEFAULT_REGION = "ap-southeast-3"

_SECTIONS = {"AWSTemplateFormatVersion", "Conditions", "Description", "Mappings", "Metadata", "Outputs", "Rules"}
_RESOURCE_ATTRIBUTES = {"DeletionPolicy", "DependsOn", "Metadata", "UpdateReplacePolicy"}
# Permissions, networks, alarms, stores and code packages: around the functions, and no route, queue or run changes.
_SURROUNDINGS = re.compile(
    r"AWS::(IAM|Logs|CloudWatch|EC2|ElastiCache|KMS|RDS|SecretsManager|SSM|WAFv2)::.+"
    r"|AWS::Serverless::LayerVersion|AWS::Lambda::Permission|AWS::SQS::QueuePolicy|AWS::ApiGateway::Account"
)


def find_template(environ: Mapping[str, str] = os.environ) -> Path:
    """Return `PAYLINK_TEMPLATE`, or the template.yaml of the repository that this package is installed from."""
    configured = environ.get("PAYLINK_TEMPLATE")
    return Path(configured) if configured else Path(__file__).resolve().parents[3] / "template.yaml"


def load_template(path: Path, environ: Mapping[str, str] = os.environ) -> Template:
    """
    Return what the local runtime needs of a SAM template.

    `AWS_ENDPOINT_URL_SQS` and `AWS_DEFAULT_REGION` of `environ` decide what a reference to a queue means.

    Raises:
        TemplateError: The file cannot be read, or says what the local runtime would not do as AWS does.
    """
    try:
        return _read(path, environ)
    except OSError as exc:
        raise TemplateError(f"{path}: {exc.strerror}") from exc
    except TemplateError as exc:
        raise TemplateError(f"{path}: {exc}") from exc


def _read(path: Path, environ: Mapping[str, str]) -> Template:
    region = environ.get("AWS_DEFAULT_REGION", DEFAULT_REGION)
    document = parse_yaml(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict):
        raise TemplateError("not a SAM template")
    resolver = Resolver(document.get("Parameters", {}), region)
    template = Properties(document, "template", resolver)
    if template.raw("Transform") != "AWS::Serverless-2016-10-31":
        raise TemplateError("not a SAM template: Transform must be AWS::Serverless-2016-10-31")
    template.raw("Parameters")
    shared = template.nested("Globals")
    resources = _resources(template.raw("Resources", {}), resolver)
    template.finish(_SECTIONS)

    queues = _queues(resources, resolver, environ.get("AWS_ENDPOINT_URL_SQS", DEFAULT_SQS_ENDPOINT), region)
    apis = Apis(shared.raw("Api", {}), resources.get("AWS::Serverless::Api", {}), resolver)
    shared_function = shared.raw("Function", {})
    shared.finish({"LayerVersion"})
    functions = tuple(
        read_function(logical_id, shared_function, values, path.resolve().parent, queues, apis, resolver)
        for logical_id, values in resources.get("AWS::Serverless::Function", {}).items()
    )
    _check_folders(functions)
    return Template(path.resolve(), functions, queues)


def _resources(section: Any, resolver: Resolver) -> dict[str, dict[str, Any]]:
    """Return the properties of the resources that count, by type and logical id."""
    known: dict[str, dict[str, Any]] = {
        "AWS::Serverless::Function": {},
        "AWS::Serverless::Api": {},
        "AWS::SQS::Queue": {},
    }
    for logical_id, body in section.items():
        resource = Properties(body, f"Resources.{logical_id}", resolver)
        kind = resource.text("Type")
        if _SURROUNDINGS.fullmatch(kind):
            continue
        if kind not in known:
            raise TemplateError(f"{resource.where}: the local runtime does not know {kind}")
        known[kind][logical_id] = resource.raw("Properties", {})
        resource.finish(_RESOURCE_ATTRIBUTES)
    return known


def _queues(resources: dict[str, dict[str, Any]], resolver: Resolver, endpoint: str, region: str) -> tuple[Queue, ...]:
    declared = resources["AWS::SQS::Queue"]
    for logical_id, values in declared.items():
        try:
            name = queue_name(logical_id, resolver.resolve(values.get("QueueName")))
        except Unresolved as exc:
            raise TemplateError(f"Resources.{logical_id}.QueueName: the local runtime cannot resolve {exc}") from exc
        resolver.add(logical_id, queue_url(endpoint, name), {"Arn": queue_arn(region, name), "QueueName": name})
    queues = tuple(
        read_queue(logical_id, Properties(values, f"Resources.{logical_id}", resolver), declared)
        for logical_id, values in declared.items()
    )
    check_dead_letter_queues(queues)
    return queues


def _check_folders(functions: tuple[Function, ...]) -> None:
    by_folder: dict[str, str] = {}
    for function in functions:
        other = by_folder.setdefault(function.folder, function.logical_id)
        if other != function.logical_id:
            raise TemplateError(f"{other} and {function.logical_id} share the folder {function.folder!r}")
