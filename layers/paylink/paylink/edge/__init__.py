"""What guards the door: API keys, rate limits. Redis lives here only, and is never the truth."""
