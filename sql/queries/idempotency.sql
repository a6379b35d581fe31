-- take_key --
-- Take the lease of a new key. No row comes back when the key exists.
insert into idempotency_keys (merchant_id, operation, key, fingerprint, locked_until)
values (%(merchant_id)s, %(operation)s, %(key)s, %(fingerprint)s, now() + make_interval(secs => %(lease_s)s))
    on conflict on constraint idempotency_keys_pkey do nothing
returning fence;

-- begin_checkout --
-- Take a new key with its first lease and store what is to be done, in one statement; nothing when the key exists. Of
-- the attempts the last is the one that begins, the others were passed over. Its reference needs no lock: nobody has
-- heard of the attempt yet, so no event waits for it.
with taken as (
    insert into idempotency_keys (merchant_id, operation, key, fingerprint, locked_until, transaction_id)
    values (%(merchant_id)s::uuid, %(operation)s, %(key)s, %(fingerprint)s::bytea,
            now() + make_interval(secs => %(lease_s)s), %(id)s::uuid)
        on conflict on constraint idempotency_keys_pkey do nothing
    returning fence
), begun as (
    insert into transactions (id, merchant_id, account_id, provider, order_reference, state, amount, currency,
                              description, customer_name, customer_email, customer_phone, items, payment_methods,
                              metadata, success_url, failure_url, route, manual_capture, expires_at, attempt_id,
                              created_at, pull_due_at)
    select %(id)s::uuid, %(merchant_id)s::uuid, %(account_id)s::uuid, %(provider)s::text, %(order_reference)s::text,
           'pending', %(amount)s::bigint, %(currency)s::char(3), %(description)s::text, %(customer_name)s::text,
           %(customer_email)s::text, %(customer_phone)s::text, %(items)s::jsonb, %(payment_methods)s::text[],
           %(metadata)s::jsonb, %(success_url)s::text, %(failure_url)s::text, %(route)s::uuid[],
           %(manual_capture)s::boolean, %(expires_at)s::timestamptz, %(attempt_id)s::uuid, %(now)s::timestamptz,
           now() + make_interval(secs => %(pull_in_s)s)
      from taken
), history as (
    insert into transaction_history (id, transaction_id, version, state, implied, captured, refunded, evidence)
    select %(history_id)s::uuid, %(id)s::uuid, 0, 'pending', false, 0, 0, 'request' from taken
), tried as (
    insert into attempts (id, transaction_id, account_id, number, outcome, error, expires_at, created_at, finished_at,
                          resolve_due_at)
    select a.id, %(id)s::uuid, a.account_id, a.number, a.outcome, a.error, %(expires_at)s::timestamptz,
           %(now)s::timestamptz, case when a.outcome is not null then now() end,
           case when a.outcome is null then now() + interval '1 minute' end
      from taken, unnest(%(attempt_ids)s::uuid[], %(account_ids)s::uuid[], %(outcomes)s::text[], %(errors)s::text[])
                  with ordinality a (id, account_id, outcome, error, number)
), named as (
    insert into provider_references (account_id, kind, value, transaction_id)
    select %(account_id)s::uuid, 'attempt', %(attempt_id)s::text, %(id)s::uuid from taken
)
select fence from taken;

-- lock_work --
-- A key and its transaction, both locked.
select k.fence, k.recovery_point, k.response_status, k.response_body, t.id, t.merchant_id, t.account_id, t.provider,
       t.order_reference, t.state, t.amount, t.currency, t.captured, t.refunded, t.dispute, t.provider_status,
       t.description, t.customer_name, t.customer_email, t.customer_phone, t.items, t.payment_methods, t.metadata,
       t.success_url, t.failure_url, t.route, t.expires_at, t.version, t.answers, t.attempt_id, t.paid_attempt_id,
       t.created_at, t.updated_at, t.refund_reserved, t.refundable, t.manual_capture, t.cancel_requested_at,
       t.capture_requested
  from idempotency_keys k join transactions t on t.id = k.transaction_id
 where k.merchant_id = %(merchant_id)s and k.operation = %(operation)s and k.key = %(key)s
   for update;

-- finish_checkout --
-- The page of an attempt, and the answer that the key stands for. The rows are locked.
with ended as (
    update attempts
       set outcome = 'pending', error = null, failure_stored = false, checkout_url = %(checkout_url)s,
           expires_at = coalesce(%(expires_at)s::timestamptz, expires_at), finished_at = now(), resolve_due_at = null
     where id = %(attempt_id)s and (outcome is null or outcome = 'unknown')
), counted as (
    update transactions set answers = answers + %(answers)s where id = %(id)s
)
update idempotency_keys
   set recovery_point = 'finished', response_status = %(status)s, response_body = %(body)s::jsonb, locked_until = now()
 where merchant_id = %(merchant_id)s and operation = %(operation)s and key = %(key)s;

-- lock_key --
select fingerprint, fence, recovery_point, transaction_id, response_status, response_body, locked_until > now() as leased,
       ceil(extract(epoch from locked_until - now()))::integer as leased_s
  from idempotency_keys
 where merchant_id = %(merchant_id)s and operation = %(operation)s and key = %(key)s
   for update;

-- name_transaction --
update idempotency_keys set transaction_id = %(transaction_id)s
 where merchant_id = %(merchant_id)s and operation = %(operation)s and key = %(key)s;

-- take_over_key --
update idempotency_keys set locked_until = now() + make_interval(secs => %(lease_s)s), fence = fence + 1
 where merchant_id = %(merchant_id)s and operation = %(operation)s and key = %(key)s
returning fence;

-- release_key --
update idempotency_keys set locked_until = now()
 where merchant_id = %(merchant_id)s and operation = %(operation)s and key = %(key)s;

-- finish_key --
update idempotency_keys
   set recovery_point = 'finished', response_status = %(status)s, response_body = %(body)s, locked_until = now()
 where merchant_id = %(merchant_id)s and operation = %(operation)s and key = %(key)s;

-- find_key_of_transaction --
-- The newest key that a transaction was made or asked for under.
select key from idempotency_keys
 where transaction_id = %(transaction_id)s and merchant_id = %(merchant_id)s and operation = %(operation)s
 order by created_at desc limit 1;

-- delete_old_keys --
delete from idempotency_keys where created_at < now() - make_interval(hours => %(hours)s);
