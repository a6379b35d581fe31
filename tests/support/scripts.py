"""The histories that the properties are shown for: what can become of a payment at each provider."""

from support.histories import (
    CANCELLED,
    DISPUTED,
    EXPIRED,
    FAILED,
    LOST,
    PAID,
    PARTLY_REFUNDED,
    REFUNDED,
    End,
    Script,
)

_STRIPE: dict[str, End] = {
    "pay": PAID,
    "fail pay": PAID,
    "expire": EXPIRED,
    "fail expire": EXPIRED,
    "pay-delayed settle-delayed": PAID,
    "pay-delayed fail-delayed": FAILED,
    "pay charge:refund:50000": PARTLY_REFUNDED,
    "pay charge:refund:50000 charge:refund:100000": REFUNDED,
    "pay charge:refund:50000 charge:refund-failed": PAID,
    "pay-delayed settle-delayed charge:refund": REFUNDED,
    "pay charge:dispute": DISPUTED,
    "pay charge:dispute charge:dispute-won": PAID,
    "pay charge:dispute charge:dispute-lost": LOST,
    "pay charge:refund:50000 charge:dispute charge:dispute-won": PARTLY_REFUNDED,
    "pay charge:dispute charge:dispute-won charge:refund": REFUNDED,
}
_MIDTRANS: dict[str, End] = {
    "pay": PAID,
    "card charge:settle": PAID,
    "fail pay": PAID,
    "fail card": PAID,
    "fail choose-bca_va expire": EXPIRED,
    "choose-bca_va expire": EXPIRED,
    "choose-bca_va pay-chosen": PAID,
    "challenge charge:approve": PAID,
    "challenge charge:approve charge:settle": PAID,
    "challenge charge:deny": FAILED,
    "choose-permata_va pay-chosen charge:reverse": FAILED,
    "card charge:void": CANCELLED,
    "pay charge:refund:50000 charge:refund-confirm": PARTLY_REFUNDED,
    "pay charge:refund:50000 charge:refund-confirm charge:refund:100000 charge:refund-confirm": REFUNDED,
    "pay charge:dispute": DISPUTED,
    "card charge:settle charge:dispute-partial": DISPUTED,
}
_XENDIT: dict[str, End] = {
    "pay": PAID,
    "fail pay charge:settle": PAID,
    "expire": EXPIRED,
    "expire pay-late": PAID,
    "pay charge:refund:50000 charge:refund-complete": PARTLY_REFUNDED,
    "pay charge:refund:50000 charge:refund-complete charge:refund:100000 charge:refund-complete": REFUNDED,
    "pay charge:refund:50000 charge:refund-failed": PAID,
    "pay charge:dispute": DISPUTED,
    "pay charge:dispute charge:dispute-won": PAID,
    "pay charge:dispute charge:dispute-lost": LOST,
    "pay charge:dispute charge:dispute-won charge:refund:50000 charge:refund-complete": PARTLY_REFUNDED,
}

SCRIPTS = {
    slug: tuple(Script(slug, tuple(steps.split()), end) for steps, end in scripts.items())
    for slug, scripts in (("stripe", _STRIPE), ("midtrans", _MIDTRANS), ("xendit", _XENDIT))
}
