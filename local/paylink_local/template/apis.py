"""`AWS::Serverless::Api`: the door that routes belong to. One port serves all of them here."""

from collections.abc import Mapping
from typing import Any

from paylink_local.template.intrinsics import Resolver, intrinsic
from paylink_local.template.model import TemplateError
from paylink_local.template.properties import Properties

_HARMLESS = {
    "AccessLogSetting",
    "AlwaysDeploy",
    "Description",
    "Domain",
    "EndpointConfiguration",
    "GatewayResponses",
    "MethodSettings",
    "MinimumCompressionSize",
    "Name",
    "OpenApiVersion",
    "PropagateTags",
    "StageName",
    "Tags",
    "TracingEnabled",
}
_IMPLICIT = "ServerlessRestApi"


class Apis:
    """The REST APIs that an `Api` event may name, and the one SAM adds for events that name none."""

    def __init__(
        self, shared: Mapping[str, Any], declared: Mapping[str, Mapping[str, Any]], resolver: Resolver
    ) -> None:
        self._apis = {
            logical_id: Properties({**shared, **values}, f"Resources.{logical_id}", resolver)
            for logical_id, values in {**declared, _IMPLICIT: {}}.items()
        }

    def check(self, reference: Any, where: str) -> None:
        """
        Accept the `RestApiId` of an event.

        Raises:
            TemplateError: There is no such API, or it would hand bodies on as text: the local gateway always sends
                base64, which is what the binary media type `*/*` makes of API Gateway.
        """
        call = intrinsic(reference)
        logical_id = _IMPLICIT if reference is None else call[1] if call and call[0] == "Ref" else None
        api = self._apis.get(str(logical_id))
        if api is None:
            raise TemplateError(f"{where}: expected !Ref <API of this template>, found {reference!r}")
        media_types = api.raw("BinaryMediaTypes", [])
        if "*~1*" not in media_types and "*/*" not in media_types:
            raise TemplateError(f"{api.where}.BinaryMediaTypes: must hold '*~1*', so that bodies arrive byte for byte")
        api.finish(_HARMLESS)
