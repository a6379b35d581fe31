"""What a person reads when PayLink is up: where it is, the demo keys, and a first request to copy."""

from collections.abc import Mapping

from paylink_local.services.environment import simulated_providers


def text(environ: Mapping[str, str], closing: str) -> str:
    """Return the last lines of `paylink up` for the settings in `environ`; `closing` is the very last one."""
    api, key = f"http://localhost:{environ['PAYLINK_API_PORT']}", environ["PAYLINK_DEMO_MERCHANT_KEY"]
    provider = environ["PAYLINK_PROVIDERS"].split(",")[0].strip()
    sandbox = demo = ""
    if simulated_providers(environ):
        sandbox = f"\n  Sandbox       http://localhost:{environ['PAYLINK_SANDBOX_PORT']}"
        demo = "A whole payment in one go: ./scripts/demo\n\n"
    return f"""\
PayLink is ready.

  API           {api}{sandbox}
  Merchant key  {key}
  Operator key  {environ["PAYLINK_DEMO_OPERATOR_KEY"]}

A first checkout (open the checkout_url that it answers):

  curl -s {api}/v1/checkout \\
    -H 'Authorization: Bearer {key}' \\
    -H 'Idempotency-Key: order-1001' \\
    -d '{{"provider": "{provider}", "amount": 150000, "currency": "IDR", "order_reference": "order-1001",
         "success_url": "https://example.com/thanks"}}'

{demo}A shop of your own, in ten minutes: docs/first-integration.md

{closing}"""
