"""Every problem that a client may be told."""

from paylink.core.errors import PayLinkError


def every_problem(base: type[PayLinkError] = PayLinkError) -> list[type[PayLinkError]]:
    return [base, *(found for child in base.__subclasses__() for found in every_problem(child))]
