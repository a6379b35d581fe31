"""What observability costs a request."""
