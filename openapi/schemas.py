"""The models as JSON Schema, in the form of OpenAPI's components."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from openapi.operation import Operation
from openapi.requests import NARROWED, NOTES, TOGETHER

REF = "#/components/schemas/{model}"


def components(operations: Iterable[Operation], more: Iterable[type[BaseModel]]) -> dict[str, Any]:
    """
    Return every schema that the operations need, by name.

    Raises:
        LookupError: A field of a request has no note, or a note no field.
    """
    models = {model: None for operation in operations for model in _of(operation)} | dict.fromkeys(more)
    _, found = models_json_schema([(model, "validation") for model in models], ref_template=REF)
    schemas: dict[str, Any] = {name: _tidy(schema) for name, schema in sorted(found["$defs"].items())}
    for name, notes in NOTES.items():
        _annotate(name, schemas[name]["properties"], notes)
        schemas[name] |= TOGETHER.get(name, {})
    return schemas


def reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REF.format(model=model.__name__)}


def _of(operation: Operation) -> list[type[BaseModel]]:
    models = [answer.model for answer in operation.answers]
    return [model for model in (operation.body, *models) if model is not None]


def _annotate(name: str, properties: dict[str, Any], notes: Any) -> None:
    if properties.keys() != notes.keys():
        raise LookupError(f"{name}: {sorted(properties.keys() ^ notes.keys())} lack a note, or a field")
    for field, note in notes.items():
        narrowed = NARROWED.get((name, field))
        if narrowed is not None:
            nullable = "anyOf" in properties[field]
            properties[field] = {"anyOf": [dict(narrowed), {"type": "null"}]} if nullable else dict(narrowed)
        properties[field]["description"] = note


def _tidy(schema: Any) -> Any:
    """Without titles, which only repeat names, and without defaults that only stand for a field that is left out."""
    if isinstance(schema, list):
        return [_tidy(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {}
    for key, value in schema.items():
        if key == "properties":
            tidy[key] = {name: _tidy(one) for name, one in value.items()}
        elif not (key == "title" and isinstance(value, str)) and not (key == "default" and value in (None, "", [], {})):
            tidy[key] = _tidy(value)
    return tidy
