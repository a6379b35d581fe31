-- store_webhooks --
-- Store verified webhooks, once per (account, event id); count them; append redeliveries. One statement, so one commit.
-- Arrays of one length; the caller has folded equal keys and sorted by (account_id, event_id).
with incoming as (
    select * from unnest(
        %(ids)s::uuid[], %(account_ids)s::uuid[], %(event_ids)s::text[], %(credential_ids)s::uuid[],
        %(assurances)s::text[], %(bodies)s::bytea[], %(headers)s::jsonb[])
        as t (id, account_id, event_id, credential_id, assurance, body, headers)
), stored as (
    insert into webhook_events (id, account_id, event_id, credential_id, assurance, next_attempt_at)
    select id, account_id, event_id, credential_id, assurance, now() + make_interval(secs => %(lease_s)s)
      from incoming
        on conflict on constraint webhook_events_unique do nothing
    returning id, account_id
), bodies as (
    insert into webhook_bodies (event_row_id, received_at, body, headers)
    select i.id, now(), i.body, i.headers from incoming i join stored using (id)
), redelivered as (
    insert into webhook_deliveries (id, account_id, event_id)
    select id, account_id, event_id from incoming where id not in (select id from stored)
    returning account_id
), counted as (
    insert into intake_ledger as l (account_id, shard, new, redelivered)
    select account_id, %(shard)s, sum(new), sum(redelivered)
      from (select account_id, 1 as new, 0 as redelivered from stored
            union all select account_id, 0, 1 from redelivered) c
     group by account_id order by account_id
        on conflict on constraint intake_ledger_pkey
        do update set new = l.new + excluded.new, redelivered = l.redelivered + excluded.redelivered
)
select id from stored;

-- claim_event --
-- Count an attempt of an event that is in flight and that nobody works at, and keep others away while we do. Each
-- attempt that comes to no end doubles the time to the next: trouble of our own may last.
update webhook_events
   set attempts = attempts + 1,
       next_attempt_at = now() + make_interval(secs => %(lease_s)s * power(2, least(attempts, 7))),
       not_before = now() + make_interval(secs => %(lease_s)s * power(2, least(attempts, 7)))
 where id = %(id)s and state = 'in_flight' and not_before <= now()
returning id, account_id, event_id, assurance, attempts, asked, received_at;

-- read_body --
select body from webhook_bodies where event_row_id = %(id)s and received_at = %(received_at)s;

-- lock_event --
select state from webhook_events where id = %(id)s for update;

-- finish_event --
update webhook_events
   set state = %(state)s, reason = %(reason)s, event_type = coalesce(%(event_type)s, event_type),
       transaction_id = coalesce(%(transaction_id)s, transaction_id), finished_at = now(), next_attempt_at = null
 where id = %(id)s and state = 'in_flight';

-- store_payload --
update webhook_bodies set payload = convert_from(body, 'UTF8')::jsonb
 where event_row_id = %(id)s and received_at = %(received_at)s;

-- refuse_payload --
update webhook_bodies set payload_error = %(problem)s
 where event_row_id = %(id)s and received_at = %(received_at)s;

-- park_event --
-- Parked until a reference becomes known; looked at once more when the time is up.
update webhook_events
   set state = 'parked', reason = %(reason)s, event_type = %(event_type)s, transaction_id = %(transaction_id)s,
       next_attempt_at = received_at + make_interval(secs => %(park_s)s)
 where id = %(id)s and state = 'in_flight';

-- add_parked_references --
insert into parked_references (account_id, kind, value, event_row_id)
select %(account_id)s, kind, value, %(id)s from unnest(%(kinds)s::text[], %(values)s::text[]) as t (kind, value)
    on conflict do nothing;

-- unpark_events --
-- Put the events that wait for one of these references in flight again. The caller holds the references' locks.
with woken as (
    select distinct p.event_row_id
      from parked_references p join unnest(%(kinds)s::text[], %(values)s::text[]) as t (kind, value)
           on p.kind = t.kind and p.value = t.value
     where p.account_id = %(account_id)s
), forgotten as (
    delete from parked_references where event_row_id in (select event_row_id from woken)
), due as (
    select id from webhook_events
     where id in (select event_row_id from woken) and state = 'parked' order by id for update
)
update webhook_events e set state = 'in_flight', reason = null, attempts = 0, next_attempt_at = now(), not_before = now()
  from due where e.id = due.id
returning e.id;

-- ask_again --
-- The provider could not be asked, or does not confirm the claim yet: in flight, due later.
update webhook_events
   set next_attempt_at = now() + make_interval(secs => %(delay_s)s),
       not_before = now() + make_interval(secs => %(delay_s)s), asked = asked + %(asked)s,
       attempts = attempts - %(uncounted)s, event_type = %(event_type)s,
       transaction_id = coalesce(%(transaction_id)s, transaction_id)
 where id = %(id)s and state = 'in_flight';

-- list_events --
select event_id, event_type, state, reason, received_at, finished_at
  from webhook_events where transaction_id = %(id)s order by id limit 100;

-- expire_parked --
-- What stayed parked to the end of its time belongs to nobody here.
with due as (
    select id from webhook_events
     where next_attempt_at <= now() and state = 'parked' order by next_attempt_at limit %(limit)s
     for update skip locked
), forgotten as (
    delete from parked_references where event_row_id in (select id from due)
)
update webhook_events e
   set state = 'ignored', reason = case e.reason when 'no_transaction' then 'unmatched' else e.reason end,
       finished_at = now(), next_attempt_at = null
  from due where e.id = due.id
returning e.id, e.account_id, e.event_id, e.reason;

-- claim_due_events --
-- Take the oldest due events and push their due time on. Parallel relays skip each other's rows.
update webhook_events e
   set next_attempt_at = now() + make_interval(secs => %(lease_s)s)
  from (select id from webhook_events
         where next_attempt_at <= now() and state = 'in_flight'
         order by next_attempt_at limit %(limit)s for update skip locked) due
 where e.id = due.id
returning e.id;

-- ensure_body_partitions --
select ensure_webhook_body_partition((now() + make_interval(months => n))::date) from generate_series(0, 2) n;

-- drop_old_body_partitions --
select drop_webhook_body_partitions((now() - make_interval(days => %(days)s))::date);

-- delete_old_rest_bodies --
delete from webhook_bodies_rest where received_at < now() - make_interval(days => %(days)s);
