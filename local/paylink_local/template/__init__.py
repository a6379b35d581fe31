"""Reads `template.yaml` (SAM), the one list of functions, routes, queues and schedules."""

from paylink_local.template.loader import find_template, load_template
from paylink_local.template.model import Function, Queue, QueueMapping, Route, Schedule, Template, TemplateError

__all__ = [
    "Function",
    "Queue",
    "QueueMapping",
    "Route",
    "Schedule",
    "Template",
    "TemplateError",
    "find_template",
    "load_template",
]
