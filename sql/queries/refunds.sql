-- reserve_refund --
-- With a row of its history, and its amount reserved. One that is there was not sent, and is asked for anew.
with requested as (
    insert into refunds (id, transaction_id, merchant_id, account_id, amount, currency, reason, metadata, locked_until,
                         resolve_due_at, created_at)
    values (%(id)s, %(transaction_id)s, %(merchant_id)s, %(account_id)s, %(amount)s, %(currency)s, %(reason)s,
            %(metadata)s, now() + make_interval(secs => %(lease_s)s), now() + interval '1 minute', %(now)s)
        on conflict on constraint refunds_pkey do update
       set account_id = excluded.account_id, amount = excluded.amount, reason = excluded.reason,
           metadata = excluded.metadata, state = excluded.state, error = excluded.error, sent_at = excluded.sent_at,
           locked_until = excluded.locked_until, fence = refunds.fence + 1, version = refunds.version + 1,
           resolve_due_at = excluded.resolve_due_at, resolve_tries = excluded.resolve_tries,
           created_at = excluded.created_at, updated_at = excluded.updated_at
    returning id, version, reserved
), history as (
    insert into refund_history (id, refund_id, version, state, reserved, evidence)
    select %(history_id)s, id, version, 'requested', reserved, 'request' from requested
), forgotten as (
    update idempotency_keys set refund_id = null where transaction_id = %(transaction_id)s and refund_id = %(id)s
)
update transactions set refund_reserved = refund_reserved + (select reserved from requested)
 where id = %(transaction_id)s;

-- name_refund --
-- Note which refund of which transaction an idempotency key stands for.
update idempotency_keys set transaction_id = %(transaction_id)s, refund_id = %(refund_id)s
 where merchant_id = %(merchant_id)s and operation = %(operation)s and key = %(key)s;

-- find_named_refund --
select refund_id from idempotency_keys
 where merchant_id = %(merchant_id)s and operation = %(operation)s and key = %(key)s;

-- list_refunds --
select *, locked_until > now() as leased, ceil(extract(epoch from locked_until - now()))::integer as leased_s,
       extract(epoch from now() - created_at)::float as age_s, extract(epoch from now() - sent_at)::float as quiet_s
  from refunds where transaction_id = %(transaction_id)s order by id;

-- lock_refunds --
-- The transaction's row is locked before.
select *, locked_until > now() as leased, ceil(extract(epoch from locked_until - now()))::integer as leased_s,
       extract(epoch from now() - created_at)::float as age_s, extract(epoch from now() - sent_at)::float as quiet_s
  from refunds where transaction_id = %(transaction_id)s order by id for update;

-- take_over_refund --
update refunds set locked_until = now() + make_interval(secs => %(lease_s)s), fence = fence + 1 where id = %(id)s
returning fence;

-- note_sending --
update refunds set sent_at = now() where id = %(id)s;

-- release_refund --
-- Whoever comes next may go on at once.
update refunds set locked_until = now() where id = %(id)s and fence = %(fence)s;

-- write_refunds --
-- Changed refunds of one transaction, each with a row of its history; notifications of those whose state is another; and
-- what is reserved then. Two groups of arrays, each of one length.
with changed as (
    select * from unnest(
        %(ids)s::uuid[], %(states)s::text[], %(counted)s::boolean[], %(references)s::text[], %(errors)s::text[],
        %(failures_stored)s::boolean[], %(versions)s::integer[], %(settled)s::boolean[], %(reserved)s::bigint[],
        %(history_ids)s::uuid[], %(alerts)s::text[])
        as t (id, state, counted, reference, error, failure_stored, version, settled, reserved, history_id, alert)
), written as (
    update refunds r
       set state = c.state, counted = c.counted, reference = c.reference, error = c.error,
           failure_stored = c.failure_stored, version = c.version, updated_at = now(), locked_until = now(),
           resolve_due_at = case when not c.settled then coalesce(r.resolve_due_at, now() + interval '1 minute') end
      from changed c where r.id = c.id
), history as (
    insert into refund_history (id, refund_id, version, state, reserved, evidence, evidence_id, alert)
    select history_id, id, version, state, reserved, %(evidence)s, %(evidence_id)s, alert from changed
), told as (
    insert into merchant_notifications (id, merchant_id, transaction_id, refund_id, version, kind, body)
    select n.id, %(merchant_id)s, %(transaction_id)s, n.refund_id, n.version, n.kind, n.body
      from unnest(%(notification_ids)s::uuid[], %(notification_refund_ids)s::uuid[],
                  %(notification_versions)s::integer[], %(notification_kinds)s::text[],
                  %(notification_bodies)s::jsonb[]) as n (id, refund_id, version, kind, body)
)
update transactions set refund_reserved = %(refund_reserved)s, updated_at = now() where id = %(transaction_id)s;

-- list_refund_history --
select version, state, reserved, evidence, evidence_id, alert, created_at
  from refund_history where refund_id = %(id)s order by version;
