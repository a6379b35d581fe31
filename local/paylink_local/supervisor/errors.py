"""What a person can mend."""


class CannotRun(Exception):
    """The stack cannot start or go on. The text is one line that says what is wrong and how to mend it."""
