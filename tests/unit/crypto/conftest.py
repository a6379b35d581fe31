"""A green run says which library it tested."""

import paycrypto


def pytest_report_header() -> str:
    return f"paycrypto: {paycrypto.__impl__}"
