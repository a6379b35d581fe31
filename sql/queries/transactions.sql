-- read_transaction --
select * from transactions where id = %(id)s;

-- lock_transactions --
-- Its columns are named: a new one must not end the statements that processes have prepared.
select id, merchant_id, account_id, provider, order_reference, state, amount, currency, captured, refunded, dispute,
       provider_status, description, customer_name, customer_email, customer_phone, items, payment_methods, metadata,
       success_url, failure_url, route, expires_at, version, answers, attempt_id, paid_attempt_id, created_at,
       updated_at, refund_reserved, refundable, manual_capture, cancel_requested_at, capture_requested
  from transactions where id = any (%(ids)s::uuid[]) order by id for update;

-- write_changes --
-- Every change of money or state, with its history rows and the notifications of it. Three groups of arrays, each of one
-- length: transactions as they end up; a history row for each step; a notification for each change.
with changed as (
    select * from unnest(
        %(ids)s::uuid[], %(states)s::text[], %(captured)s::bigint[], %(refunded)s::bigint[], %(disputes)s::text[],
        %(provider_statuses)s::text[], %(versions)s::integer[], %(paid_attempt_ids)s::uuid[],
        %(refundables)s::text[])
        as t (id, state, captured, refunded, dispute, provider_status, version, paid_attempt_id, refundable)
), written as (
    update transactions t
       set state = c.state, captured = c.captured, refunded = c.refunded, dispute = c.dispute,
           provider_status = c.provider_status, version = c.version, paid_attempt_id = c.paid_attempt_id,
           refundable = c.refundable, updated_at = now(),
           resolve_due_at = case when c.state in ('pending', 'authorized') then t.resolve_due_at end,
           -- Money is asked about, and given back, where it is.
           account_id = coalesce((select a.account_id from attempts a where a.id = c.paid_attempt_id), t.account_id),
           provider = coalesce((select p.provider from attempts a join provider_accounts p on p.id = a.account_id
                                 where a.id = c.paid_attempt_id), t.provider),
           pull_due_at = case when c.state in ('pending', 'authorized')
                              then coalesce(t.pull_due_at, now() + interval '5 minutes')
                              when c.state in ('failed', 'expired', 'cancelled') then late_pull_due(t.expires_at) end
      from changed c where t.id = c.id
), history as (
    insert into transaction_history (id, transaction_id, version, state, implied, captured, refunded, dispute, evidence,
                                     evidence_id, provider_status, alert)
    select * from unnest(
        %(history_ids)s::uuid[], %(history_transaction_ids)s::uuid[], %(history_versions)s::integer[],
        %(history_states)s::text[], %(history_implied)s::boolean[], %(history_captured)s::bigint[],
        %(history_refunded)s::bigint[], %(history_disputes)s::text[], %(history_evidence)s::text[],
        %(history_evidence_ids)s::text[], %(history_provider_statuses)s::text[], %(history_alerts)s::text[])
)
insert into merchant_notifications (id, merchant_id, transaction_id, version, kind, body)
select * from unnest(
    %(notification_ids)s::uuid[], %(notification_merchant_ids)s::uuid[], %(notification_transaction_ids)s::uuid[],
    %(notification_versions)s::integer[], %(notification_kinds)s::text[], %(notification_bodies)s::jsonb[]);

-- count_answer --
update transactions set answers = answers + 1 where id = %(id)s;

-- pull_soon --
update transactions set pull_due_at = now() where id = %(id)s;

-- insert_attempts --
-- Of these the last begins, the others were passed over. What was asked before is outdated now.
with inserted as (
    insert into attempts (id, transaction_id, account_id, number, outcome, error, expires_at, created_at, finished_at,
                          resolve_due_at)
    select a.id, %(transaction_id)s, a.account_id, %(after)s + a.number, a.outcome, a.error, %(expires_at)s, %(now)s,
           case when a.outcome is not null then now() end,
           case when a.outcome is null then now() + interval '1 minute' end
      from unnest(%(attempt_ids)s::uuid[], %(account_ids)s::uuid[], %(outcomes)s::text[], %(errors)s::text[])
           with ordinality a (id, account_id, outcome, error, number)
), named as (
    insert into provider_references (account_id, kind, value, transaction_id)
    values (%(account_id)s, 'attempt', %(attempt_id)s::text, %(transaction_id)s)
)
update transactions
   set attempt_id = %(attempt_id)s, account_id = %(account_id)s, provider = %(provider)s, answers = answers + 1
 where id = %(transaction_id)s;

-- list_attempts --
select a.id, a.number, a.account_id, p.provider, p.name as account, a.outcome, a.error, a.failure_stored,
       a.checkout_url, a.expires_at, a.created_at, a.finished_at
  from attempts a join provider_accounts p on p.id = a.account_id
 where a.transaction_id = %(id)s order by a.number;

-- finish_attempt --
update attempts
   set outcome = %(outcome)s, error = %(error)s, failure_stored = %(failure_stored)s, checkout_url = %(checkout_url)s,
       expires_at = coalesce(%(expires_at)s, expires_at), finished_at = now(),
       resolve_due_at = case when %(outcome)s = 'unknown' then coalesce(resolve_due_at, now()) end
 where id = %(id)s and (outcome is null or outcome = 'unknown');

-- lock_references --
-- Whoever adds or parks on a reference takes these first, in one order.
select pg_advisory_xact_lock(k)
  from (select distinct hashtextextended(account_id::text || ' ' || kind || ' ' || value, 0) as k
          from unnest(%(account_ids)s::uuid[], %(kinds)s::text[], %(values)s::text[]) as t (account_id, kind, value)
         order by 1) keys;

-- find_by_references --
select r.account_id, r.kind, r.value, r.transaction_id
  from provider_references r
  join unnest(%(account_ids)s::uuid[], %(kinds)s::text[], %(values)s::text[]) as t (account_id, kind, value)
       on r.account_id = t.account_id and r.kind = t.kind and r.value = t.value;

-- add_references --
-- Add references, and put the events that wait for a new one in flight again. The caller holds the references' locks.
with added as (
    insert into provider_references (account_id, kind, value, transaction_id)
    select * from unnest(%(account_ids)s::uuid[], %(kinds)s::text[], %(values)s::text[], %(transaction_ids)s::uuid[])
            as t (account_id, kind, value, transaction_id)
     order by account_id, kind, value
        on conflict on constraint provider_references_pkey do nothing
    returning account_id, kind, value
), woken as (
    select distinct p.event_row_id
      from added a join parked_references p on p.account_id = a.account_id and p.kind = a.kind and p.value = a.value
), forgotten as (
    delete from parked_references where event_row_id in (select event_row_id from woken)
), due as (
    select event_row_id from unfinished_events
     where event_row_id in (select event_row_id from woken) and parked_until is not null
     order by event_row_id for update
), work as (
    update unfinished_events u
       set next_attempt_at = now(), parked_until = null, attempts = 0, relayed = 0, not_before = now()
      from due where u.event_row_id = due.event_row_id
)
update webhook_events e set state = 'in_flight', reason = null from due where e.id = due.event_row_id
returning e.id;

-- list_references --
select kind, value from provider_references
 where transaction_id = %(id)s and account_id = %(account_id)s order by created_at desc, kind, value;

-- end_pulls --
-- Asked because something had moved meanwhile; nothing is left to ask of a transaction that has its money.
update transactions set pull_due_at = null
 where id = %(id)s and state not in ('pending', 'authorized', 'failed', 'expired', 'cancelled');
