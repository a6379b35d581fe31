-- store_webhooks --
-- Store verified webhooks, once per (account, event id); count them; append redeliveries. One statement, so one commit.
-- Arrays of one length, sorted by (account_id, event_id); `firsts` is true for the first of each such key. It is planned
-- once per connection, maybe while the tables are empty: no table is read but by a constraint's index.
with incoming as (
    select * from unnest(
        %(ids)s::uuid[], %(account_ids)s::uuid[], %(event_ids)s::text[], %(credential_ids)s::uuid[],
        %(assurances)s::text[], %(bodies)s::bytea[], %(headers)s::text[], %(firsts)s::boolean[])
        as t (id, account_id, event_id, credential_id, assurance, body, headers, first)
), stored as (
    insert into webhook_events (id, account_id, event_id, credential_id, assurance)
    select id, account_id, event_id, credential_id, assurance from incoming where first
        on conflict on constraint webhook_events_unique do nothing
    returning id
), work as (
    insert into unfinished_events (event_row_id, account_id, received_at, next_attempt_at)
    select id, account_id, now(), now() + make_interval(secs => %(lease_s)s::integer) from incoming join stored using (id)
), bodies as (
    insert into webhook_bodies (event_row_id, received_at, body, headers)
    select id, now(), body, headers::jsonb from incoming join stored using (id)
), redelivered as (
    insert into webhook_deliveries (id, account_id, event_id)
    select id, account_id, event_id from incoming where id not in (select id from stored)
), counted as (
    insert into intake_ledger as l (account_id, credential_id, shard, new, redelivered)
    select i.account_id, i.credential_id, %(shard)s::smallint, count(s.id), count(*) - count(s.id)
      from incoming i left join stored s using (id)
     group by i.account_id, i.credential_id order by i.account_id, i.credential_id
        on conflict on constraint intake_ledger_pkey
        do update set new = l.new + excluded.new, redelivered = l.redelivered + excluded.redelivered, last_at = now()
)
select id from stored;

-- list_stored_webhooks --
-- Which of these deliveries are there already, and whether their event was new.
select id, true as new from webhook_events where id = any (%(ids)s::uuid[])
 union all
select id, false from webhook_deliveries where id = any (%(ids)s::uuid[]);

-- lock_fresh_events --
-- What can be worked at as a set: never tried, and signed as a whole. What another works at is left; what the relay had
-- to queue again and again may be what ends the process each time, so it is left too.
select e.id, e.account_id, a.provider, e.event_id, e.assurance, u.attempts + 1 as attempts, u.asked, u.received_at,
       b.body, extract(epoch from now() - u.not_before)::float as waited_s
  from unfinished_events u
  join webhook_events e on e.id = u.event_row_id
  join provider_accounts a on a.id = e.account_id
  left join webhook_bodies b on b.event_row_id = u.event_row_id and b.received_at = u.received_at
 where u.event_row_id = any (%(ids)s::uuid[]) and u.next_attempt_at is not null and u.not_before <= now()
   and u.attempts = 0 and u.asked = 0 and u.relayed < %(relayed_max)s::smallint and e.assurance = 'body'
 order by u.event_row_id for update of u skip locked;

-- claim_event --
-- Count an attempt of an event that is in flight and that nobody works at, and keep others away while we do. Each
-- attempt that comes to no end doubles the time to the next: trouble of our own may last.
with claimed as (
    update unfinished_events
       set attempts = attempts + 1,
           next_attempt_at = now() + make_interval(secs => %(lease_s)s * power(2, least(attempts, 7))),
           not_before = now() + make_interval(secs => %(lease_s)s * power(2, least(attempts, 7)))
     where event_row_id = %(id)s and next_attempt_at is not null and not_before <= now()
    returning event_row_id, received_at, attempts, asked
)
select e.id, e.account_id, a.provider, e.event_id, e.assurance, c.attempts, c.asked, c.received_at, b.body
  from claimed c
  join webhook_events e on e.id = c.event_row_id
  join provider_accounts a on a.id = e.account_id
  left join webhook_bodies b on b.event_row_id = c.event_row_id and b.received_at = c.received_at;

-- list_claimable --
select event_row_id as id, extract(epoch from now() - not_before)::float as waited_s from unfinished_events
 where event_row_id = any (%(ids)s::uuid[]) and next_attempt_at is not null and not_before <= now()
 order by event_row_id;

-- lock_events --
-- Whoever gives an event its outcome holds its work. What is not in flight is not returned.
select event_row_id as id from unfinished_events
 where event_row_id = any (%(ids)s::uuid[]) and next_attempt_at is not null
 order by event_row_id for update;

-- finish_events --
-- Give events in flight their end, applied or ignored, and count it. Arrays of one length.
with ended as (
    select * from unnest(
        %(ids)s::uuid[], %(states)s::text[], %(reasons)s::text[], %(event_types)s::text[], %(transaction_ids)s::uuid[])
        as t (id, state, reason, event_type, transaction_id)
), done as (
    delete from unfinished_events u using ended
     where u.event_row_id = ended.id and u.next_attempt_at is not null
    returning u.event_row_id as id, u.attempts
), written as (
    update webhook_events e
       set state = ended.state, reason = ended.reason, event_type = coalesce(ended.event_type, e.event_type),
           transaction_id = coalesce(ended.transaction_id, e.transaction_id),
           -- Written in a set: tried once, and never counted before.
           attempts = greatest(done.attempts, 1), finished_at = clock_timestamp()
      from done join ended using (id)
     where e.id = done.id
    returning e.id, e.account_id, e.state, e.transaction_id
), linked as (
    insert into transaction_events (transaction_id, event_row_id)
    select transaction_id, id from written where transaction_id is not null
        on conflict on constraint transaction_events_pkey do nothing
)
insert into outcome_ledger as l (account_id, shard, applied, ignored)
select account_id, %(shard)s, count(*) filter (where state = 'applied'), count(*) filter (where state = 'ignored')
  from written group by account_id order by account_id
    on conflict on constraint outcome_ledger_pkey
    do update set applied = l.applied + excluded.applied, ignored = l.ignored + excluded.ignored;

-- bury_event --
-- Give up an event in flight. Whoever does so sends its dead letter; if that fails, the relay does, a minute later.
with dead as (
    update unfinished_events set next_attempt_at = null, letter_due_at = now() + interval '1 minute'
     where event_row_id = %(id)s and next_attempt_at is not null
    returning event_row_id, attempts
)
update webhook_events e
   set state = 'dead', reason = %(reason)s, attempts = dead.attempts, finished_at = now()
  from dead where e.id = dead.event_row_id;

-- letter_sent --
update unfinished_events set letter_due_at = null where event_row_id = %(id)s;

-- claim_due_letters --
update unfinished_events u
   set letter_due_at = now() + interval '1 minute'
  from (select event_row_id from unfinished_events
         where letter_due_at <= now() order by letter_due_at limit %(limit)s for update skip locked) due,
       webhook_events e
 where u.event_row_id = due.event_row_id and e.id = u.event_row_id
returning e.id, e.reason;

-- park_event --
-- Parked until a reference becomes known, or the time is up.
with parked as (
    update unfinished_events
       set next_attempt_at = null,
           -- One that is brought up again when it is old has a day.
           parked_until = greatest(received_at + make_interval(secs => %(park_s)s), now() + interval '1 day')
     where event_row_id = %(id)s and next_attempt_at is not null
    returning event_row_id, attempts
), linked as (
    insert into transaction_events (transaction_id, event_row_id)
    select %(transaction_id)s::uuid, event_row_id from parked where %(transaction_id)s::uuid is not null
        on conflict on constraint transaction_events_pkey do nothing
)
update webhook_events e
   set state = 'parked', reason = %(reason)s, event_type = %(event_type)s, transaction_id = %(transaction_id)s,
       attempts = parked.attempts
  from parked where e.id = parked.event_row_id;

-- add_parked_references --
insert into parked_references (account_id, kind, value, event_row_id)
select %(account_id)s, kind, value, %(id)s from unnest(%(kinds)s::text[], %(values)s::text[]) as t (kind, value)
    on conflict do nothing;

-- ask_again --
-- The provider could not be asked, or does not confirm the claim yet: in flight, due later. A delayed message comes then;
-- the relay sends another only when that one did not.
with postponed as (
    update unfinished_events
       set next_attempt_at = now() + make_interval(secs => %(delay_s)s + %(lease_s)s),
           not_before = now() + make_interval(secs => %(delay_s)s), asked = asked + %(asked)s,
           attempts = greatest(attempts - %(uncounted)s, 0)
     where event_row_id = %(id)s and next_attempt_at is not null
    returning event_row_id
), linked as (
    insert into transaction_events (transaction_id, event_row_id)
    select %(transaction_id)s, event_row_id from postponed on conflict on constraint transaction_events_pkey do nothing
)
update webhook_events e set event_type = %(event_type)s, transaction_id = %(transaction_id)s
  from postponed where e.id = postponed.event_row_id;

-- expire_parked --
-- What stayed parked to the end of its time belongs to nobody here.
with due as (
    select event_row_id from unfinished_events
     where parked_until <= now() order by parked_until limit %(limit)s for update skip locked
), forgotten as (
    delete from parked_references where event_row_id in (select event_row_id from due)
), done as (
    delete from unfinished_events where event_row_id in (select event_row_id from due)
), written as (
    update webhook_events e
       set state = 'ignored', reason = case e.reason when 'no_transaction' then 'unmatched' else e.reason end,
           finished_at = now()
      from due where e.id = due.event_row_id
    returning e.id, e.account_id, e.event_id, e.reason
), counted as (
    insert into outcome_ledger as l (account_id, shard, ignored)
    select account_id, 0, count(*) from written group by account_id order by account_id
        on conflict on constraint outcome_ledger_pkey do update set ignored = l.ignored + excluded.ignored
)
select id, account_id, event_id, reason from written;

-- claim_due_events --
-- Take the oldest due events and push their due time on. Parallel relays skip each other's rows. `counted` is 1 or 0.
update unfinished_events u
   set next_attempt_at = now() + make_interval(secs => %(lease_s)s), relayed = least(relayed + %(counted)s, 1000)
  from (select event_row_id from unfinished_events
         where next_attempt_at <= now() order by next_attempt_at limit %(limit)s for update skip locked) due
 where u.event_row_id = due.event_row_id
returning u.event_row_id as id;

-- weigh_deliveries --
-- A provider that tells again what we had given up on gives it another chance: return those events.
with fresh as (
    select id, account_id, event_id from webhook_deliveries
     where not weighed order by id limit %(limit)s for update skip locked
), weighed as (
    update webhook_deliveries d set weighed = true from fresh where d.id = fresh.id
)
select e.id, (select count(*) from fresh) as weighed
  from (select distinct account_id, event_id from fresh) f
  left join webhook_events e
         on e.account_id = f.account_id and e.event_id = f.event_id
        and (e.state, e.reason) in (('dead', 'attempts_exhausted'), ('ignored', 'unconfirmed'));

-- reopen_events --
-- Put events that had come to an end in flight again, due at once, and take their outcome out of the count.
-- The work is locked before the event, as everywhere.
with locked as (
    select event_row_id from unfinished_events where event_row_id = any (%(ids)s::uuid[]) order by 1 for update
), opened as (
    select id, account_id, state, received_at from webhook_events
     where id = any (%(ids)s::uuid[]) and state <> 'in_flight' and (select count(*) from locked) >= 0
     order by id for update
), forgotten as (
    delete from parked_references where event_row_id in (select id from opened)
), work as (
    insert into unfinished_events as u (event_row_id, account_id, received_at, next_attempt_at)
    select id, account_id, received_at, now() from opened
        on conflict on constraint unfinished_events_pkey
        do update set next_attempt_at = now(), parked_until = null, letter_due_at = null, not_before = now(),
                      attempts = 0, asked = 0, relayed = 0
), written as (
    update webhook_events e set state = 'in_flight', reason = null, finished_at = null from opened where e.id = opened.id
), uncounted as (
    insert into outcome_ledger as l (account_id, shard, applied, ignored)
    select account_id, 0, -count(*) filter (where state = 'applied'), -count(*) filter (where state = 'ignored')
      from opened where state in ('applied', 'ignored') group by account_id order by account_id
        on conflict on constraint outcome_ledger_pkey
        do update set applied = l.applied + excluded.applied, ignored = l.ignored + excluded.ignored
)
select id, state as was from opened order by id;

-- wait_briefly_for_locks --
set local lock_timeout = '200ms';

-- ensure_body_partitions --
select ensure_webhook_body_partition((now() + make_interval(months => n))::date) from generate_series(0, 2) n;

-- drop_old_body_partitions --
select drop_webhook_body_partitions((now() - make_interval(days => %(days)s))::date);

-- delete_old_rest_bodies --
delete from webhook_bodies_rest where received_at < now() - make_interval(days => %(days)s);
