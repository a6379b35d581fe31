"""CloudFormation's intrinsic functions: read from YAML's short tags and resolved to what they mean on one machine."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

try:
    from yaml import CSafeLoader as SafeLoader  # ten times as fast
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]  # a PyYAML built without libyaml

from paylink_local.template.model import ACCOUNT_ID, TemplateError

STACK_NAME = "paylink"
"""The value of `AWS::StackName` on one machine."""

_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]+)\}")


class Unresolved(Exception):
    """The value is known only to a deployed stack."""


class _TemplateYaml(SafeLoader):
    """YAML with CloudFormation's tags; a key that stands twice is an error, as it is for CloudFormation."""


def _construct_tag(loader: _TemplateYaml, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


def _construct_mapping(loader: _TemplateYaml, node: yaml.MappingNode) -> dict[Any, Any]:
    seen = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise TemplateError(f"line {key_node.start_mark.line + 1}: the key {key!r} stands twice")
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


def _construct_text(loader: _TemplateYaml, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_TemplateYaml.add_multi_constructor("!", _construct_tag)
_TemplateYaml.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _construct_mapping)
# CloudFormation reads 2010-09-09 and the like as text.
_TemplateYaml.add_constructor("tag:yaml.org,2002:timestamp", _construct_text)


def parse_yaml(text: str) -> Any:
    """
    Return the document with each tag in its long form, `!Ref X` as `{"Ref": "X"}`.

    Raises:
        TemplateError: It is not YAML, or a key stands twice.
    """
    try:
        return yaml.load(text, Loader=_TemplateYaml)  # noqa: S506 (a SafeLoader)
    except yaml.YAMLError as exc:
        raise TemplateError(f"not valid YAML: {exc}") from exc


def intrinsic(value: Any) -> tuple[str, Any] | None:
    """Return the name and argument of an intrinsic function, or None for a plain value."""
    if isinstance(value, dict) and len(value) == 1:
        name, argument = next(iter(value.items()))
        if name in ("Ref", "Condition") or str(name).startswith("Fn::"):
            return name, argument
    return None


class Resolver:
    """Resolves references to parameters, pseudo parameters and what the caller gives for resources."""

    def __init__(self, parameters: Mapping[str, Any], region: str) -> None:
        self._parameters = parameters
        self._references: dict[str, str] = {
            "AWS::AccountId": ACCOUNT_ID,
            "AWS::Partition": "aws",
            "AWS::Region": region,
            "AWS::StackName": STACK_NAME,
            "AWS::URLSuffix": "amazonaws.com",
        }
        self._attributes: dict[tuple[str, str], str] = {}

    def add(self, logical_id: str, reference: str, attributes: Mapping[str, str]) -> None:
        """Say what `!Ref` and `!GetAtt` of a resource return."""
        self._references[logical_id] = reference
        self._attributes.update({(logical_id, name): value for name, value in attributes.items()})

    def resolve(self, value: Any) -> Any:
        """
        Return a plain value.

        Raises:
            Unresolved: It depends on something that only a deployed stack knows.
        """
        call = intrinsic(value)
        if call is None:
            return _static(value)
        match call:
            case ("Ref", str(name)):
                return self._reference(name)
            case ("Fn::GetAtt", [str(name), str(attribute)]) if (name, attribute) in self._attributes:
                return self._attributes[name, attribute]
            case ("Fn::Sub", str(text)):
                return _static(self._substitute(text))
        raise Unresolved(f"{call[0]} of {call[1]!r}")

    def _reference(self, name: str) -> Any:
        if name in self._references:
            return self._references[name]
        parameter = self._parameters.get(name)
        if isinstance(parameter, dict) and "Default" in parameter:
            return parameter["Default"]
        raise Unresolved(f"Ref of {name!r}")

    def _substitute(self, text: str) -> str:
        def replace(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return "${" + name + "}"
            if "." in name:
                return str(self.resolve({"Fn::GetAtt": name.split(".", 1)}))
            return str(self._reference(name))

        return _PLACEHOLDER.sub(replace, text)


def _static(value: Any) -> Any:
    if isinstance(value, str) and "{{resolve:" in value:
        raise Unresolved("a dynamic reference ({{resolve:...}})")
    return value
