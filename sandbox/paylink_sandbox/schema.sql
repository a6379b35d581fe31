-- State of the sandbox. The frame owns every table; providers keep their own objects in `documents`.

CREATE TABLE documents (
    position INTEGER PRIMARY KEY AUTOINCREMENT,  -- order of creation: lists go by it
    provider TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    created INTEGER NOT NULL,
    body TEXT NOT NULL,  -- JSON
    UNIQUE (provider, kind, id)
);
CREATE INDEX documents_in_order ON documents (provider, kind, position);
CREATE INDEX documents_by_age ON documents (provider, kind, created);

-- The ledger: what a payer could pay, what was taken, what was given back. Amounts are integers with `exponent` decimals.
CREATE TABLE pages (
    provider TEXT NOT NULL,
    id TEXT NOT NULL,
    reference TEXT,
    amount INTEGER NOT NULL,
    exponent INTEGER NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('open', 'processing', 'authorized', 'paid', 'failed', 'expired', 'cancelled')),
    url TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    PRIMARY KEY (provider, id)
);
CREATE INDEX pages_by_reference ON pages (reference);
CREATE INDEX pages_by_expiry ON pages (expires_at) WHERE state = 'open';

CREATE TABLE charges (
    provider TEXT NOT NULL,
    id TEXT NOT NULL,
    page_id TEXT NOT NULL,
    reference TEXT,
    amount INTEGER NOT NULL,
    refunded INTEGER NOT NULL DEFAULT 0,
    exponent INTEGER NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'authorized', 'succeeded', 'failed', 'voided')),
    dispute TEXT CHECK (dispute IN ('open', 'won', 'lost')),
    created_at REAL NOT NULL,
    PRIMARY KEY (provider, id)
);
CREATE INDEX charges_by_page ON charges (provider, page_id);
CREATE INDEX charges_by_reference ON charges (reference);

CREATE TABLE refunds (
    provider TEXT NOT NULL,
    id TEXT NOT NULL,
    charge_id TEXT NOT NULL,
    reference TEXT,
    amount INTEGER NOT NULL,
    exponent INTEGER NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'succeeded', 'failed', 'cancelled')),
    created_at REAL NOT NULL,
    PRIMARY KEY (provider, id)
);
CREATE INDEX refunds_by_reference ON refunds (reference);

CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    provider TEXT NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    reference TEXT,
    url TEXT NOT NULL,
    body BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed', 'dropped')),
    failures INTEGER NOT NULL DEFAULT 0,  -- since the first try or the last resend: the place in the retry schedule
    held INTEGER NOT NULL DEFAULT 0,      -- kept back to be sent newest first
    created_at REAL NOT NULL,
    due_at REAL NOT NULL
);
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE state = 'pending';
CREATE INDEX deliveries_by_reference ON deliveries (reference);
CREATE INDEX deliveries_by_event ON deliveries (provider, event_id);

CREATE TABLE attempts (
    delivery_id INTEGER NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    at REAL NOT NULL,
    duration_ms INTEGER NOT NULL,
    status_code INTEGER,
    error TEXT,
    answer TEXT,
    signed_with TEXT NOT NULL,  -- JSON list of secret names, never the secrets
    PRIMARY KEY (delivery_id, number)
);

CREATE TABLE faults (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    provider TEXT,  -- NULL: any
    match TEXT NOT NULL DEFAULT '',
    value REAL,
    remaining INTEGER  -- NULL: until disarmed
);
