"""Starts LocalStack with its gateway on loopback only. Run by path, with the Python of LocalStack's own environment.

LocalStack 4.12 hands Twisted the port of GATEWAY_LISTEN but drops its IPv4 host (localstack/runtime/server/twisted.py),
and so listens on every interface.
"""

import functools
import runpy

from twisted.internet import endpoints

endpoints.TCP4ServerEndpoint = functools.partial(endpoints.TCP4ServerEndpoint, interface="127.0.0.1")
runpy.run_module("localstack.runtime.main", run_name="__main__")
