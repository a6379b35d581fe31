"""What the fields of answers are made of."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from paylink.core.money import AMOUNT_MAX
from paylink.providers.registry import provider_slugs
from paylink.runtime.request_fields import CURRENCY
from paylink.runtime.strict_body import Described


class Answer(BaseModel):
    """Base of all answers: no field more, none left out that has no default, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Id = Annotated[str, Described(format="uuid")]
Moment = Annotated[str, Described(format="date-time"), Field(description="ISO 8601, in UTC.")]
Amount = Annotated[
    int,
    Field(
        ge=0, le=AMOUNT_MAX, description="In the smallest unit that people pay with: whole rupiah, cents, whole yen."
    ),
]
Count = Annotated[int, Field(ge=0)]
Currency = Annotated[str, Described(pattern=CURRENCY), Field(description="ISO 4217.")]
ProviderName = Annotated[str, Described(enum=list(provider_slugs())), Field(description="The provider's short name.")]
MetadataAnswer = Annotated[dict[str, str], Field(description="What you stored with it.")]
State = Literal[
    "pending",
    "authorized",
    "paid",
    "failed",
    "expired",
    "cancelled",
    "partially_refunded",
    "refunded",
    "disputed",
]
Dispute = Literal["open", "lost"]
PaymentMethod = Annotated[str, Described(enum=["card", "bank_transfer", "qris", "ewallet", "retail"])]
NextCursor = Annotated[str | None, Field(description="Brings the next page; null on the last.")]
NextId = Annotated[Id | None, Field(description="Brings the next page; null on the last.")]
