-- The first tables. Amounts are bigint in the smallest unit people pay with; leases, due times and audit columns use the
-- database's clock. Invariants live in named constraints, and code reads the names.

create table merchants (
    id            uuid primary key,
    name          text not null,
    created_at    timestamptz not null default now(),
    -- Its keys are refused. Webhooks of its accounts are taken all the same: money may arrive.
    suspended_at  timestamptz,
    constraint merchants_name_unique unique (name)
);

-- A key is shown once; what is stored is its HMAC under a pepper that is not in the database.
create table api_keys (
    id            uuid primary key,
    merchant_id   uuid not null references merchants,
    prefix        text not null,
    key_hash      bytea not null,
    pepper_id     text not null,
    name          text not null,
    scopes        text[] not null,
    created_at    timestamptz not null default now(),
    expires_at    timestamptz,
    revoked_at    timestamptz,
    -- Within a minute or so: no request waits for it. In no index, so that writing it touches none.
    last_used_at  timestamptz,
    -- The key that took its place when it was rotated.
    successor_id  uuid,
    constraint api_keys_prefix_unique unique (prefix)
) with (fillfactor = 80);

-- Operators belong to no merchant.
create table operator_keys (
    id            uuid primary key,
    prefix        text not null,
    key_hash      bytea not null,
    pepper_id     text not null,
    name          text not null,
    scopes        text[] not null,
    created_at    timestamptz not null default now(),
    expires_at    timestamptz,
    revoked_at    timestamptz,
    last_used_at  timestamptz,
    successor_id  uuid,
    constraint operator_keys_prefix_unique unique (prefix)
) with (fillfactor = 80);

-- Both kinds as operators see them.
create view key_overview as
select id, prefix, name, merchant_id, scopes, pepper_id, created_at, expires_at, revoked_at, last_used_at, successor_id,
       case when revoked_at is not null then 'revoked' when expires_at <= now() then 'expired' else 'live' end as state
  from (select id, prefix, name, merchant_id, scopes, pepper_id, created_at, expires_at, revoked_at, last_used_at,
               successor_id from api_keys
         union all
        select id, prefix, name, null, scopes, pepper_id, created_at, expires_at, revoked_at, last_used_at,
               successor_id from operator_keys) keys;

create table provider_accounts (
    id           uuid primary key,
    merchant_id  uuid not null references merchants,
    provider     text not null,
    name         text not null,
    -- Its merchant's new checkouts at this provider use it.
    is_default   boolean not null,
    -- /v1/webhook/{provider} without an account name stands for it, too.
    has_short_address  boolean not null,
    -- New checkouts do not use it. Webhooks, refunds and reconciliation of what there is go on.
    disabled_at  timestamptz,
    created_at   timestamptz not null default now(),
    constraint provider_accounts_name_unique unique (provider, name),
    -- It stands in the webhook's path.
    constraint provider_accounts_name_form check (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$')
);
create unique index provider_accounts_one_default on provider_accounts (merchant_id, provider) where is_default;
create unique index provider_accounts_one_short_address on provider_accounts (provider) where has_short_address;
create index provider_accounts_by_merchant on provider_accounts (merchant_id, provider);

-- Through which accounts a merchant's checkouts go. A set of rules is written, read and replaced as a whole; the newest
-- counts, and the older ones tell who changed what. `changed_by` is an operator key's prefix, or `command`.
create table routing_rules (
    merchant_id  uuid not null references merchants,
    version      integer not null,
    rules        jsonb not null,
    changed_by   text not null,
    changed_at   timestamptz not null default now(),
    constraint routing_rules_pkey primary key (merchant_id, version)
);

-- Sealed with AES-256-GCM, bound to merchant, account and field. Several rows of one field may live at once (rotation).
create table account_credentials (
    id             uuid primary key,
    account_id     uuid not null references provider_accounts,
    field          text not null,
    sealed         bytea not null,
    master_key_id  text not null,
    created_at     timestamptz not null default now(),
    retired_at     timestamptz
);
create index account_credentials_live on account_credentials (account_id) where retired_at is null;

-- When a transaction without money is asked about next: soon after its page's end, an hour and a day later. Money may
-- still arrive on it, and the one webhook that says so may be lost. Null: no more.
create function late_pull_due(expires_at timestamptz) returns timestamptz language sql stable as $$
    select min(expires_at + after) from unnest(array['3 minutes', '1 hour', '1 day']::interval[]) after
     where expires_at + after > now()
$$;

create table transactions (
    id               uuid primary key,
    merchant_id      uuid not null references merchants,
    account_id       uuid not null references provider_accounts,
    provider         text not null,
    order_reference  text not null,
    state            text not null,
    amount           bigint not null,
    currency         char(3) not null,
    captured         bigint not null default 0,
    refund_reserved  bigint not null default 0,
    refunded         bigint not null default 0,
    dispute          text,
    provider_status  text,
    description      text,
    customer_name    text,
    customer_email   text,
    customer_phone   text,
    items            jsonb not null default '[]',
    payment_methods  text[] not null default '{}',
    metadata         jsonb not null default '{}',
    success_url      text not null,
    failure_url      text,
    -- The accounts that may make its page, in the order in which they are tried. `account_id` and `provider` are those
    -- of the attempt that was paid, or else of the newest: an attempt on another account surely made no page.
    route            uuid[] not null default '{}',
    expires_at       timestamptz not null,
    -- Counts every change of a money column or the state.
    version          integer not null default 0,
    -- Counts every answer of the provider that was considered, also those that changed nothing. An answer is dropped
    -- when this or the version moved since it was asked for: a newer one has been heard.
    answers          integer not null default 0,
    -- The newest attempt, and the one whose page was paid.
    attempt_id       uuid,
    paid_attempt_id  uuid,
    -- When reconciliation asks the provider next; null when nothing is left to ask.
    pull_due_at      timestamptz,
    pulls            integer not null default 0,
    -- The money is only held at first.
    manual_capture   boolean not null default false,
    -- What was asked for and has not come to an end: to be cancelled; to be captured, how much.
    cancel_requested_at  timestamptz,
    capture_requested    bigint,
    -- When the newest call to capture began that may have captured; null when surely none has.
    capture_called_at    timestamptz,
    -- When resolve_unknown goes on with that; null when nothing is left to do.
    resolve_due_at   timestamptz,
    resolve_tries    integer not null default 0,
    -- What the way in which it was paid lets be given back; null when that is not known.
    refundable       text,
    created_at       timestamptz not null,
    updated_at       timestamptz not null default now(),
    constraint transactions_refundable_known check (refundable in ('nothing', 'whole', 'part')),
    constraint transactions_capture_within_amount check (capture_requested between 1 and amount),
    constraint transactions_state_known check (state in (
        'pending', 'authorized', 'paid', 'failed', 'expired', 'cancelled', 'partially_refunded', 'refunded', 'disputed')),
    constraint transactions_amount_positive check (amount > 0),
    constraint transactions_totals_not_negative check (captured >= 0 and refund_reserved >= 0 and refunded >= 0),
    constraint transactions_money_has_state check (
        (captured > 0) = (state in ('paid', 'partially_refunded', 'refunded', 'disputed'))),
    constraint transactions_dispute_known check (dispute in ('open', 'lost')),
    constraint transactions_dispute_has_state check ((dispute is not null) = (state = 'disputed'))
);
create index transactions_pull_due on transactions (pull_due_at) where pull_due_at is not null;
-- For gauges: how many are open, and since when.
create index transactions_open on transactions (created_at)
    where pull_due_at is not null and state in ('pending', 'authorized');
create index transactions_resolve_due on transactions (resolve_due_at) where resolve_due_at is not null;

-- A merchant's list, the newest first (sql/queries/listing.sql). Each index begins with what a filter fixes and goes on
-- in the list's order, so that a page is read from one place however many rows there are. Of their columns only `state`
-- changes (and `provider`, when a checkout goes to another account): with `pull_due_at` above, every other update of a
-- row touches no index (a HOT update).
create index transactions_by_time on transactions (merchant_id, created_at, id);
create index transactions_by_facet on transactions (merchant_id, provider, currency, state, created_at, id);
create index transactions_by_reference on transactions (merchant_id, order_reference, created_at, id);
create index transactions_by_amount on transactions (merchant_id, currency, amount, created_at, id);

-- The same for metadata, one row for each entry. It never changes, nor does metadata.
create table transaction_metadata (
    merchant_id     uuid not null,
    -- hashtextextended(name=value, 0): what is found by it is compared with the transaction.
    entry           bigint not null,
    created_at      timestamptz not null,
    transaction_id  uuid not null,
    constraint transaction_metadata_pkey primary key (merchant_id, entry, created_at, transaction_id)
);
create function index_metadata() returns trigger language plpgsql as $$
begin
    insert into transaction_metadata (merchant_id, entry, created_at, transaction_id)
    select distinct new.merchant_id, hashtextextended(key || '=' || value, 0), new.created_at, new.id
      from jsonb_each_text(new.metadata);
    return null;
end $$;
create trigger transactions_index_metadata after insert on transactions
    for each row when (new.metadata <> '{}') execute function index_metadata();

-- One try at having a provider create a page. Null outcome: the call is running, or its process died.
create table attempts (
    id              uuid primary key,
    transaction_id  uuid not null references transactions,
    account_id      uuid not null references provider_accounts,
    number          integer not null,
    outcome         text,
    error           text,
    -- The provider stored a failure under this attempt's key, so sending it again can only repeat that.
    failure_stored  boolean not null default false,
    checkout_url    text,
    expires_at      timestamptz not null,
    created_at      timestamptz not null,
    finished_at     timestamptz,
    -- When resolve_unknown looks what became of it; null once that is known.
    resolve_due_at  timestamptz,
    resolve_tries   integer not null default 0,
    constraint attempts_number_unique unique (transaction_id, number),
    constraint attempts_outcome_known check (outcome in ('pending', 'declined', 'not_sent', 'unknown'))
);
-- One payable page at a time: while an attempt may have a page, no other is started.
create unique index attempts_one_open on attempts (transaction_id)
    where outcome is null or outcome in ('pending', 'unknown');
create index attempts_resolve_due on attempts (resolve_due_at) where resolve_due_at is not null;

-- Our own refunds. Those that others make at the provider are known by the transaction's totals only.
create table refunds (
    id              uuid primary key,
    transaction_id  uuid not null references transactions,
    merchant_id     uuid not null references merchants,
    account_id      uuid not null references provider_accounts,
    amount          bigint not null,
    currency        char(3) not null,
    reason          text,
    metadata        jsonb not null default '{}',
    state           text not null default 'requested',
    -- The transaction's `refunded` holds it, as far as the provider has shown what that is made of.
    counted         boolean not null default false,
    -- Its part of the transaction's `refund_reserved`: money may move by it that `refunded` does not hold.
    reserved        bigint not null generated always as (
        case when state in ('requested', 'unknown', 'pending', 'succeeded') and not counted then amount else 0 end) stored,
    -- The provider's name for it, and its word for why it failed.
    reference       text,
    error           text,
    -- The provider stored a failure under its key, so sending it again can only repeat that.
    failure_stored  boolean not null default false,
    -- When it may have been sent last: for some time after that, not being found proves nothing.
    sent_at         timestamptz not null default now(),
    -- Who works at it, until when; counts the leases, so that who comes back late finds another number.
    locked_until    timestamptz not null,
    fence           integer not null default 1,
    version         integer not null default 0,
    resolve_due_at  timestamptz,
    resolve_tries   integer not null default 0,
    created_at      timestamptz not null,
    updated_at      timestamptz not null default now(),
    constraint refunds_state_known check (state in (
        'requested', 'unknown', 'pending', 'succeeded', 'failed', 'not_sent')),
    constraint refunds_amount_positive check (amount > 0)
);
create index refunds_by_transaction on refunds (transaction_id);
-- By which a settlement line that tells only the provider's name finds it.
create index refunds_by_reference on refunds (account_id, reference) where reference is not null;
create index refunds_resolve_due on refunds (resolve_due_at) where resolve_due_at is not null;

-- Under which names the provider knows a transaction.
create table provider_references (
    account_id      uuid not null references provider_accounts,
    kind            text not null,
    value           text not null,
    transaction_id  uuid not null references transactions,
    created_at      timestamptz not null default now(),
    constraint provider_references_pkey primary key (account_id, kind, value)
);
create index provider_references_by_transaction on provider_references (transaction_id);

-- Append-only: every change of a transaction's state or totals, with its evidence.
create table transaction_history (
    id               uuid primary key,
    transaction_id   uuid not null references transactions,
    version          integer not null,
    state            text not null,
    -- Written because a later state proves it, not because anybody reported it.
    implied          boolean not null default false,
    captured         bigint not null,
    refunded         bigint not null,
    dispute          text,
    evidence         text not null,
    evidence_id      text,
    provider_status  text,
    alert            text,
    created_at       timestamptz not null default now(),
    constraint transaction_history_version_unique unique (transaction_id, version),
    constraint transaction_history_evidence_known check (evidence in ('request', 'webhook', 'pull', 'clock', 'refusal'))
);
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end $$;
create trigger transaction_history_append_only before update or delete on transaction_history
    for each row execute function refuse_change();

create trigger routing_rules_append_only before update or delete on routing_rules
    for each row execute function refuse_change();

-- Append-only: every change of a refund's state or reservation, with its evidence.
create table refund_history (
    id             uuid primary key,
    refund_id      uuid not null references refunds,
    version        integer not null,
    state          text not null,
    reserved       bigint not null,
    evidence       text not null,
    evidence_id    text,
    alert          text,
    created_at     timestamptz not null default now(),
    constraint refund_history_version_unique unique (refund_id, version),
    constraint refund_history_evidence_known check (evidence in ('request', 'answer', 'lookup', 'pull'))
);
create trigger refund_history_append_only before update or delete on refund_history
    for each row execute function refuse_change();

-- What merchants are told; written with the change it tells of, sent later. `version` is that of the refund, if it is one
-- that it tells of.
create table merchant_notifications (
    id              uuid primary key,
    merchant_id     uuid not null references merchants,
    transaction_id  uuid not null references transactions,
    refund_id       uuid references refunds,
    version         integer not null,
    kind            text not null,
    body            jsonb not null,
    created_at      timestamptz not null default now(),
    sent_at         timestamptz,
    constraint merchant_notifications_once unique nulls not distinct (transaction_id, refund_id, version)
);

create table idempotency_keys (
    merchant_id      uuid not null references merchants,
    operation        text not null,
    key              text not null,
    fingerprint      bytea not null,
    recovery_point   text not null default 'started',
    locked_until     timestamptz not null,
    -- Counts the leases: who comes back after another took over finds another number, and writes nothing.
    fence            integer not null default 1,
    transaction_id   uuid references transactions,
    refund_id        uuid references refunds,
    response_status  integer,
    response_body    jsonb,
    created_at       timestamptz not null default now(),
    constraint idempotency_keys_pkey primary key (merchant_id, operation, key),
    constraint idempotency_keys_recovery_point_known check (recovery_point in ('started', 'finished')),
    constraint idempotency_keys_finished_has_response check ((recovery_point = 'finished') = (response_body is not null))
);
create index idempotency_keys_by_age on idempotency_keys (created_at);
create index idempotency_keys_by_transaction on idempotency_keys (transaction_id);

-- One row per event of a provider, however often it was delivered. Narrow, and written twice: when it comes, and when it
-- ends. No index holds a column that changes, so the second write touches no index (a HOT update). Which account and
-- credential there are is kept by intake_ledger's foreign keys: it gets a row in the same statement.
create table webhook_events (
    id               uuid primary key,
    account_id       uuid not null,
    event_id         text not null,
    credential_id    uuid not null,
    assurance        text not null,
    state            text not null default 'in_flight',
    processed        boolean not null generated always as (state in ('applied', 'ignored')) stored,
    reason           text,
    event_type       text,
    transaction_id   uuid,
    -- How often it was tried, up to its end.
    attempts         integer not null default 0,
    received_at      timestamptz not null default now(),
    finished_at      timestamptz,
    constraint webhook_events_unique unique (account_id, event_id),
    constraint webhook_events_state_known check (state in ('in_flight', 'applied', 'ignored', 'parked', 'dead')),
    constraint webhook_events_outcome_has_reason check (state in ('in_flight', 'applied') or reason is not null)
) with (fillfactor = 70);
-- A merchant's own events, the newest first, however many others' there are. Neither column ever changes.
create index webhook_events_by_account on webhook_events (account_id, id);

-- The work to do: a row from an event's arrival until it is applied or ignored. Small, however many events there are.
create table unfinished_events (
    event_row_id     uuid primary key,
    account_id       uuid not null,
    received_at      timestamptz not null,
    attempts         integer not null default 0,
    asked            integer not null default 0,
    -- How often the relay queued it, with nothing left in the queue, since it came or came to life again.
    relayed          smallint not null default 0,
    -- In flight: when the relay queues it again.
    next_attempt_at  timestamptz,
    -- Parked: when it is given up.
    parked_until     timestamptz,
    -- Dead: when the relay sends its dead letter, which nobody has sent yet; null once it is sent.
    letter_due_at    timestamptz,
    -- Nobody claims it before: another works at it, or the provider is to be asked again later.
    not_before       timestamptz not null default now(),
    -- With neither it is dead.
    constraint unfinished_events_one_place check (next_attempt_at is null or parked_until is null)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
create index unfinished_events_due on unfinished_events (next_attempt_at) where next_attempt_at is not null;
create index unfinished_events_letters on unfinished_events (letter_due_at) where letter_due_at is not null;
create index unfinished_events_parked on unfinished_events (parked_until) where parked_until is not null;
-- An account's parked and dead events, the newest first. What goes through its life without a halt is in neither.
create index unfinished_events_parked_of on unfinished_events (account_id, event_row_id) where parked_until is not null;
create index unfinished_events_dead_of on unfinished_events (account_id, event_row_id)
    where next_attempt_at is null and parked_until is null;

-- Which events speak of a transaction.
create table transaction_events (
    transaction_id  uuid not null,
    event_row_id    uuid not null,
    constraint transaction_events_pkey primary key (transaction_id, event_row_id)
);

-- The raw bytes that were signed, by month, dropped after PAYLINK_RAW_BODY_DAYS.
create table webhook_bodies (
    event_row_id   uuid not null,
    received_at    timestamptz not null,
    body           bytea not null,
    headers        jsonb not null,
    constraint webhook_bodies_pkey primary key (event_row_id, received_at)
) partition by range (received_at);
-- Holds what arrives when no month's partition was made in time, so that intake never fails for it.
create table webhook_bodies_rest partition of webhook_bodies default;

-- Postgres cannot hold all JSON that arrives: NUL characters, lone surrogates, huge numbers, deep nesting, no UTF-8.
create function read_payload(body bytea, out payload jsonb, out problem text) language plpgsql immutable as $$
begin
    payload := convert_from(body, 'UTF8')::jsonb;
exception when data_exception or statement_too_complex then
    problem := sqlerrm;
end $$;

-- The bodies as jsonb, or why not: for people and reports.
create view webhook_payloads as
select b.event_row_id, b.received_at, p.payload, p.problem from webhook_bodies b, read_payload(b.body) p;

-- Every delivery after an event's first.
create table webhook_deliveries (
    id            uuid primary key,
    account_id    uuid not null,
    event_id      text not null,
    received_at   timestamptz not null default now(),
    -- Whether the relay has looked if it wakes an event that was given up.
    weighed       boolean not null default false
);
create index webhook_deliveries_by_event on webhook_deliveries (account_id, event_id);
create index webhook_deliveries_unweighed on webhook_deliveries (id) where not weighed;

-- What intake has promised, by the secret that verified it: counted in the transaction that stores. Sharded, so that
-- processes do not wait for a row.
create table intake_ledger (
    account_id     uuid not null references provider_accounts,
    credential_id  uuid not null references account_credentials,
    shard          smallint not null,
    new            bigint not null default 0,
    redelivered    bigint not null default 0,
    last_at        timestamptz not null default now(),
    constraint intake_ledger_pkey primary key (account_id, credential_id, shard)
) with (fillfactor = 50);

-- What became of it: counted in the transaction that ends an event, and taken back when an event is opened again.
create table outcome_ledger (
    account_id  uuid not null references provider_accounts,
    shard       smallint not null,
    applied     bigint not null default 0,
    ignored     bigint not null default 0,
    constraint outcome_ledger_pkey primary key (account_id, shard)
) with (fillfactor = 50);

-- Which parked event waits for which reference to become known.
create table parked_references (
    account_id    uuid not null,
    kind          text not null,
    value         text not null,
    event_row_id  uuid not null,
    constraint parked_references_pkey primary key (account_id, kind, value, event_row_id)
);
create index parked_references_by_event on parked_references (event_row_id);

-- One comparison of what is stored with what the providers say: what was asked for, and what came of it.
create table reconciliation_runs (
    id            uuid primary key,
    -- Whose transactions; null: everybody's.
    merchant_id   uuid references merchants,
    -- A key's prefix, `command` or `schedule`.
    started_by    text not null,
    -- What it is limited to. Without a time: what may have changed unheard, and a sample of the rest.
    provider      text,
    account_id    uuid references provider_accounts,
    created_from  timestamptz,
    created_to    timestamptz,
    -- What is done about differences; `dry`: nothing, and nothing is written of them but in the run.
    repair        text not null,
    due_only      boolean not null,
    sample        integer not null,
    statuses      boolean not null,
    settlements   boolean not null,
    -- Stands for whom and what it is limited to: of each there is one at a time.
    scope         text not null,
    state         text not null default 'running',
    -- Transactions: to be asked about, asked about, and how many of these had something new or gave no answer.
    selected      integer not null default 0,
    checked       integer not null default 0,
    changed       integer not null default 0,
    failed        integer not null default 0,
    -- Sums, and what was not checked and why: written when it ends.
    totals        jsonb not null default '[]',
    not_checked   jsonb not null default '[]',
    started_at    timestamptz not null default now(),
    -- When its batches were written; until then there are none, and it is known to be under way all the same.
    planned_at    timestamptz,
    -- How often others have tried to, after its own planner.
    plan_tries    smallint not null default 0,
    finished_at   timestamptz,
    constraint reconciliation_runs_state_known check (state in ('running', 'finished', 'partial')),
    constraint reconciliation_runs_repair_known check (repair in ('all', 'none', 'dry'))
);
create unique index reconciliation_runs_one_at_a_time on reconciliation_runs (scope) where state = 'running';
create index reconciliation_runs_by_merchant on reconciliation_runs (merchant_id, id);
create index reconciliation_runs_running on reconciliation_runs (id) where state = 'running';

-- The work of a run that is under way, in parts of one account each; deleted when the run ends.
create table reconciliation_batches (
    run_id           uuid not null references reconciliation_runs,
    number           integer not null,
    account_id       uuid not null references provider_accounts,
    provider         text not null,
    transaction_ids  uuid[] not null,
    -- So many of them, from the first, are done.
    position         integer not null default 0,
    changed          integer not null default 0,
    failed           integer not null default 0,
    -- By currency, of those done: what we held as received, and what the provider says.
    totals           jsonb not null default '{}',
    -- Of a dry run: what it found.
    findings         jsonb not null default '[]',
    -- Of a run that repairs nothing: what is asked about a second time, with what a first question has shown of it.
    doubts           jsonb not null default '{}',
    -- How often in a row nothing of it could be asked: the provider's limit, or ours, was reached.
    stalls           smallint not null default 0,
    kind             text not null default 'status',
    -- Of settlement lines: of which time, and how far it is.
    since            timestamptz,
    until            timestamptz,
    place            text,
    -- Why the provider did not answer, the last time it did not.
    error            text,
    state            text not null default 'due',
    -- Who works at it, until when, or before when nobody begins; counts the leases.
    locked_until     timestamptz not null default now(),
    fence            integer not null default 0,
    -- A second question has to wait; the account's other batches do not.
    not_before       timestamptz not null default now(),
    constraint reconciliation_batches_pkey primary key (run_id, number),
    constraint reconciliation_batches_state_known check (state in ('due', 'done', 'given_up')),
    constraint reconciliation_batches_kind_known check (kind in ('status', 'settlement')),
    constraint reconciliation_batches_settlement_has_time check (
        (kind = 'settlement') = (since is not null and until is not null))
) with (fillfactor = 50);
-- When a run last came to the end of an account's settlement lines.
create table settlement_matchings (
    account_id  uuid primary key references provider_accounts,
    matched_at  timestamptz not null
);
create index reconciliation_batches_due on reconciliation_batches (run_id, number) where state = 'due';

-- What a file brought, or was found to have brought before. The same file again is noted again, and adds nothing.
create table settlement_imports (
    id           uuid primary key,
    account_id   uuid not null references provider_accounts,
    file_name    text not null,
    sha256       bytea not null,
    read         bigint not null,
    added        bigint not null,
    changed      bigint not null,
    imported_by  text not null,
    imported_at  timestamptz not null default now()
);
create index settlement_imports_by_account on settlement_imports (account_id, id);

-- Movements on accounts' balances, as providers tell them. Only one that is not settled yet changes its figures.
create table settlement_lines (
    id                uuid primary key,
    account_id        uuid not null references provider_accounts,
    -- The provider's own name for it.
    line_id           text not null,
    kind              text not null,
    -- Names of what it settles, the surest first; the two arrays have one length.
    reference_kinds   text[] not null,
    reference_values  text[] not null,
    -- In `currency`, that of the settlement: gross and net with sign, the fee as what was kept back.
    amount            bigint not null,
    currency          char(3) not null,
    fee               bigint not null,
    net               bigint not null,
    -- What the payer paid, in his currency, where that is told.
    paid_amount       bigint,
    paid_currency     char(3),
    occurred_at       timestamptz not null,
    settled           boolean not null,
    payout            text,
    -- The figures that it was told with after it had been settled with others, as they were told last.
    contradiction     jsonb,
    -- The file that brought it; null when the provider's API did.
    import_id         uuid references settlement_imports,
    -- What it was matched with, once that is known.
    transaction_id    uuid references transactions,
    refund_id         uuid references refunds,
    created_at        timestamptz not null default now(),
    constraint settlement_lines_unique unique (account_id, line_id),
    constraint settlement_lines_name_short check (octet_length(line_id) between 1 and 500),
    constraint settlement_lines_kind_known check (kind in (
        'payment', 'refund', 'chargeback', 'fee', 'payout', 'adjustment')),
    constraint settlement_lines_references_paired check (cardinality(reference_kinds) = cardinality(reference_values)),
    constraint settlement_lines_paid_whole check ((paid_amount is null) = (paid_currency is null))
) with (fillfactor = 85);
create index settlement_lines_by_account on settlement_lines (account_id, id);
create index settlement_lines_by_time on settlement_lines (account_id, occurred_at, id);
create index settlement_lines_by_transaction on settlement_lines (transaction_id, account_id)
    where transaction_id is not null;
-- What must belong to a payment or refund, and is matched with none.
create index settlement_lines_unmatched on settlement_lines (account_id, occurred_at, id)
    where transaction_id is null and kind in ('payment', 'refund', 'chargeback');

-- The times of which all lines of an account are stored. Only within them can a line be missing.
create table settlement_coverage (
    account_id  uuid primary key references provider_accounts,
    covered     tstzmultirange not null
);

-- What an account's provider may keep of each payment, as it was agreed; the newest one of a currency whose time has come
-- counts. All null: nothing is agreed (any more). `agreed_by` is an operator key's prefix, or `command`.
create table fee_agreements (
    id           uuid primary key,
    account_id   uuid not null references provider_accounts,
    currency     char(3) not null,
    valid_from   timestamptz not null,
    -- Of the gross amount, in parts of a million; then a fixed amount; then the tax on both.
    percent_ppm  integer,
    fixed        bigint,
    tax_ppm      integer,
    -- By so much a fee may differ, in the smallest unit.
    tolerance    bigint,
    agreed_by    text not null,
    created_at   timestamptz not null default now(),
    constraint fee_agreements_whole check (num_nulls(percent_ppm, fixed, tax_ppm, tolerance) in (0, 4)),
    constraint fee_agreements_not_negative check (
        percent_ppm >= 0 and fixed >= 0 and tax_ppm >= 0 and tolerance >= 0)
);
create index fee_agreements_by_account on fee_agreements (account_id, currency, valid_from, id);
create trigger fee_agreements_append_only before update or delete on fee_agreements
    for each row execute function refuse_change();

-- Differences between us and a provider, found by reconciliation. Found again, one is the same by its fingerprint
-- (discrepancies_unique). Of a payer it holds nothing.
create table discrepancies (
    id                  uuid primary key,
    merchant_id         uuid not null references merchants,
    account_id          uuid not null references provider_accounts,
    provider            text not null,
    kind                text not null,
    -- transaction:<id>, refund:<id> or line:<line_id>
    subject             text not null,
    transaction_id      uuid references transactions,
    refund_id           uuid references refunds,
    settlement_line_id  uuid references settlement_lines,
    difference          text not null,
    currency            char(3) not null,
    -- Money that came in is positive, money that went out negative.
    ours                bigint not null,
    theirs              bigint not null,
    drift               bigint not null generated always as (theirs - ours) stored,
    evidence            jsonb not null,
    -- By what it shows: a provider's answer about one payment, or settlement lines. The same finds it gone.
    found_by            text not null,
    state               text not null,
    resolution          text,
    resolved_by         text,
    note                text,
    -- The run that found it first, and the one that found it last.
    run_id              uuid not null references reconciliation_runs,
    last_run_id         uuid not null references reconciliation_runs,
    -- When the schedule last asked about it, were it in vain.
    asked_at            timestamptz,
    opened_at           timestamptz not null default now(),
    resolved_at         timestamptz,
    constraint discrepancies_unique unique (account_id, subject, kind, difference, currency, ours, theirs),
    constraint discrepancies_kind_known check (kind in (
        'missing_internal', 'missing_at_provider', 'amount_mismatch', 'currency_mismatch', 'status_mismatch',
        'fee_mismatch', 'duplicate')),
    constraint discrepancies_found_by_known check (found_by in ('status', 'settlement')),
    constraint discrepancies_state_known check (state in ('open', 'resolved')),
    constraint discrepancies_resolution_known check (resolution in ('repaired', 'gone', 'accepted')),
    constraint discrepancies_resolved_has_resolution check (
        (state = 'resolved') = (resolution is not null) and (state = 'resolved') = (resolved_at is not null)),
    constraint discrepancies_accepted_has_person check (
        resolution <> 'accepted' or (resolved_by is not null and note is not null))
);
create index discrepancies_by_merchant on discrepancies (merchant_id, id);
create index discrepancies_by_account on discrepancies (account_id, id);
create index discrepancies_by_run on discrepancies (run_id);
create index discrepancies_by_last_run on discrepancies (last_run_id);
create index discrepancies_by_transaction on discrepancies (transaction_id) where transaction_id is not null;
-- What waits for a person, for lists and gauges: small, however many there were.
create index discrepancies_open on discrepancies (account_id, id) where state = 'open';
create index discrepancies_open_by_merchant on discrepancies (merchant_id, id) where state = 'open';

-- Append-only: every change of a discrepancy's state. `made_by` is a key's prefix, `command`, or null for a run.
create table discrepancy_history (
    id              uuid primary key,
    discrepancy_id  uuid not null references discrepancies,
    state           text not null,
    resolution      text,
    run_id          uuid references reconciliation_runs,
    made_by         text,
    note            text,
    created_at      timestamptz not null default now(),
    constraint discrepancy_history_has_author check ((run_id is null) <> (made_by is null))
);
create index discrepancy_history_by_discrepancy on discrepancy_history (discrepancy_id, id);
create index discrepancy_history_by_run on discrepancy_history (run_id) where run_id is not null;
create trigger discrepancy_history_append_only before update or delete on discrepancy_history
    for each row execute function refuse_change();

-- The accounting identity from the ledgers and the work alone: cheap, for metrics. `imbalance` must be 0.
create view webhook_balance as
select l.account_id, l.new, l.redelivered, coalesce(o.applied, 0) as applied, coalesce(o.ignored, 0) as ignored,
       coalesce(u.in_flight, 0) as in_flight, coalesce(u.parked, 0) as parked, coalesce(u.dead, 0) as dead,
       l.new - coalesce(o.applied + o.ignored, 0) - coalesce(u.in_flight + u.parked + u.dead, 0) as imbalance
  from (select account_id, sum(new)::bigint as new, sum(redelivered)::bigint as redelivered
          from intake_ledger group by account_id) l
  left join (select account_id, sum(applied)::bigint as applied, sum(ignored)::bigint as ignored
               from outcome_ledger group by account_id) o using (account_id)
  left join (select account_id, count(next_attempt_at) as in_flight, count(parked_until) as parked,
                    count(*) - count(next_attempt_at) - count(parked_until) as dead
               from unfinished_events group by account_id) u using (account_id);

-- The same, counted event by event: the audit of the ledgers. Every imbalance must be 0.
create view webhook_accounting as
select b.account_id, b.new, b.redelivered,
       coalesce(e.applied, 0) as applied, coalesce(e.ignored, 0) as ignored, coalesce(e.parked, 0) as parked,
       coalesce(e.dead, 0) as dead, coalesce(e.in_flight, 0) as in_flight, coalesce(d.deliveries, 0) as deliveries,
       b.new - coalesce(e.total, 0) as imbalance,
       b.redelivered - coalesce(d.deliveries, 0) as imbalance_redelivered,
       abs(b.applied - coalesce(e.applied, 0)) + abs(b.ignored - coalesce(e.ignored, 0))
           + abs(b.parked - coalesce(e.parked, 0)) + abs(b.dead - coalesce(e.dead, 0))
           + abs(b.in_flight - coalesce(e.in_flight, 0)) as imbalance_outcomes
  from webhook_balance b
  left join (select account_id, count(*) as total,
                    count(*) filter (where state = 'applied') as applied,
                    count(*) filter (where state = 'ignored') as ignored,
                    count(*) filter (where state = 'parked') as parked,
                    count(*) filter (where state = 'dead') as dead,
                    count(*) filter (where state = 'in_flight') as in_flight
               from webhook_events group by account_id) e using (account_id)
  left join (select account_id, count(*) as deliveries from webhook_deliveries group by account_id) d using (account_id);

-- Make the partition of a month unless it is there. A month that the rest partition already holds rows of stays there.
create function ensure_webhook_body_partition(month date) returns boolean language plpgsql as $$
declare
    first date := date_trunc('month', month)::date;
    name  text := 'webhook_bodies_' || to_char(first, 'YYYY_MM');
begin
    if to_regclass(name) is not null then
        return false;
    end if;
    execute format('create table %I partition of webhook_bodies for values from (%L) to (%L)',
                   name, first, (first + interval '1 month')::date);
    return true;
exception
    -- The rest partition holds rows of the month; another relay was faster; or an older partition reaches into it.
    when check_violation or duplicate_table or unique_violation or invalid_object_definition then
        return false;
end $$;

-- Drop the partitions whose last day lies before `cutoff`; return how many.
create function drop_webhook_body_partitions(cutoff date) returns integer language plpgsql as $$
declare
    name text;
    dropped integer := 0;
begin
    for name in select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
                 where i.inhparent = 'webhook_bodies'::regclass and c.relname ~ '^webhook_bodies_\d{4}_\d{2}$'
                   and to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= cutoff
    loop
        execute format('drop table %I', name);
        dropped := dropped + 1;
    end loop;
    return dropped;
end $$;

select ensure_webhook_body_partition((now() + make_interval(months => n))::date) from generate_series(0, 2) n;

-- Webhooks that were refused, gathered in memory and added once a second. No account: none is known by the name that was
-- asked for. Sharded, so that processes do not wait for a row.
create table webhook_refusals (
    account_id  uuid references provider_accounts,
    provider    text not null,
    reason      text not null,
    shard       smallint not null,
    refused     bigint not null,
    last_at     timestamptz not null default now(),
    constraint webhook_refusals_unique unique nulls not distinct (account_id, provider, reason, shard)
) with (fillfactor = 50);

-- Who brought an event up again that had come to an end. `replayed_by` is an operator key's prefix, or `command`.
create table event_replays (
    id            uuid primary key,
    event_row_id  uuid not null references webhook_events,
    replayed_by   text not null,
    was_state     text not null,
    was_reason    text,
    replayed_at   timestamptz not null default now()
);
create index event_replays_by_event on event_replays (event_row_id);
create trigger event_replays_append_only before update or delete on event_replays
    for each row execute function refuse_change();

-- Events as operators see them.
create view event_overview as
select e.id, e.account_id, a.merchant_id, a.provider, a.name as account, e.event_id, e.event_type, e.state, e.reason,
       e.transaction_id, coalesce(u.attempts, e.attempts) as attempts, u.next_attempt_at, u.parked_until, e.received_at,
       e.finished_at
  from webhook_events e
  join provider_accounts a on a.id = e.account_id
  left join unfinished_events u on u.event_row_id = e.id;

-- What operators created over HTTP, by the Idempotency-Key of the request: a repeated one creates nothing more. Written
-- in the transaction that creates. The answer is kept without the secret that it showed.
create table operator_requests (
    made_by      text not null,
    key          text not null,
    fingerprint  bytea not null,
    answer       jsonb,
    created_at   timestamptz not null default now(),
    constraint operator_requests_pkey primary key (made_by, key)
);
create index operator_requests_by_age on operator_requests (created_at);

-- Every change of merchants, routing, keys, accounts and credentials by an operator. `made_by` is an operator key's
-- prefix, or `command`. Never a secret.
create table operator_audit (
    id           uuid primary key,
    made_by      text not null,
    action       text not null,
    -- What was changed, and whose it is; null where it is no merchant's.
    subject_id   uuid,
    merchant_id  uuid,
    details      jsonb not null,
    made_at      timestamptz not null default now()
);
create index operator_audit_by_subject on operator_audit (subject_id, id);
create index operator_audit_by_merchant on operator_audit (merchant_id, id);
create trigger operator_audit_append_only before update or delete on operator_audit
    for each row execute function refuse_change();
