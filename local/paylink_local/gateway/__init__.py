"""An emulator of API Gateway: the HTTP door in front of the functions that `template.yaml` gives a route."""
