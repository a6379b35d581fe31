"""Local simulators of payment providers, with payment pages a person can click. Never part of a deployment."""
