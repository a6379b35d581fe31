"""What the frame refuses, and why. Providers have error bodies of their own; these are for pages and control."""


class ConfigError(Exception):
    """The sandbox cannot start. The message is one line for the person who starts it."""


class SandboxError(Exception):
    """A request that the sandbox refuses; `status` is the HTTP status that says so."""

    status = 400


class NotFound(SandboxError):
    """Nothing has that name or id."""

    status = 404


class NotPossible(SandboxError):
    """The page or charge is not in a state that allows the action."""

    status = 409


class Forbidden(SandboxError):
    """The request came from another site, or names a host that is not this machine."""

    status = 403
