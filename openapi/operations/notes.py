"""What parameters mean that stand in several operations."""

PAGE = {
    "limit": "How many at most.",
    "cursor": "The `next_cursor` of the page before, with the same filters.",
}
SPAN = {
    "since": "At or after. ISO 8601, UTC unless it says otherwise; a `+` is written `%2B`.",
    "until": "Before. Written like `since`.",
}
