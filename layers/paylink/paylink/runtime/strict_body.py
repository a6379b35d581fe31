"""Request bodies as strict pydantic models: unknown fields are refused, nothing is converted, every error is named."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from paylink.core.errors import FieldProblem, InvalidFields, MalformedRequest
from paylink.core.text import PRINTABLE, is_printable


class StrictModel(BaseModel):
    """Base of the models of request bodies."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


M = TypeVar("M", bound=StrictModel)


class Described:
    """What a field that checks itself is in the API's document: keywords of JSON Schema. Costs nothing until asked."""

    def __init__(self, **keywords: object) -> None:
        self._keywords = keywords

    def __get_pydantic_json_schema__(
        self, core_schema: Any, handler: Callable[[Any], Mapping[str, object]]
    ) -> dict[str, object]:
        return {**handler(core_schema), **self._keywords}


def printable(text: str) -> str:
    """
    Raises:
        ValueError: There is a control character.
    """
    if not is_printable(text):
        raise ValueError("control characters are not allowed")
    return text


Text = Annotated[str, AfterValidator(printable), Described(pattern=PRINTABLE)]


def validate(model: type[M], body: Any) -> M:
    """
    Validate a parsed body.

    Raises:
        InvalidFields: With a problem for each field; none shows what was sent.
        MalformedRequest: The body is no JSON object.
    """
    if not isinstance(body, dict):
        raise MalformedRequest("the body is a JSON object")
    try:
        return model.model_validate(body)
    except ValidationError as exc:
        raise InvalidFields(fields=[_problem(error) for error in exc.errors(include_input=False)]) from None


_MESSAGES = {
    "extra_forbidden": "unknown field",
    "missing": "required",
    "string_type": "a text is needed",
    "string_too_short": "at least {min_length} character",
    "string_too_long": "at most {max_length} characters",
    "string_unicode": "not valid Unicode",
    "int_type": "a whole number is needed",
    "int_from_float": "a whole number is needed",
    "greater_than": "more than {gt} is needed",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt} is needed",
    "greater_than_equal": "at least {ge}",
    "too_short": "at least {min_length} is needed",
    "too_long": "at most {max_length}",
    "list_type": "a list is needed",
    "bool_type": "true or false is needed",
    "literal_error": "one of {expected} is needed",
    "dict_type": "an object is needed",
    "model_type": "an object is needed",
}


def _problem(error: Any) -> FieldProblem:
    path = [str(part) for part in error["loc"]]
    known = _MESSAGES.get(error["type"])
    message = known.format(**error.get("ctx", {})) if known else error["msg"].removeprefix("Value error, ")
    return FieldProblem(".".join(path), message)
