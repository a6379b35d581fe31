-- find_events --
-- These find events by one filter and its index, the newest first. Ids are UUIDv7: `above` and `below` bound the part of
-- the table that is looked at. Parameters are put in by the client, so that a filter that is not given costs nothing.
select id from webhook_events where id > %(above)s and id < %(below)s order by id desc limit %(limit)s;

-- find_events_of_accounts --
-- Of each account so many, however many events others have. Pairs are compared and ordered by, for only the index of both
-- columns fits them: with account_id = own.id the planner, who knows nothing of the account, may walk through everybody's
-- events by their ids.
select e.id from provider_accounts own
 cross join lateral (
    select id from webhook_events
     where (account_id, id) > (own.id, %(above)s) and (account_id, id) < (own.id, %(below)s)
     order by account_id desc, id desc limit %(limit)s) e
 where (%(merchant_id)s is null or own.merchant_id = %(merchant_id)s)
   and (%(provider)s is null or own.provider = %(provider)s) and (%(account)s is null or own.name = %(account)s)
 order by e.id desc limit %(limit)s;

-- find_ended_events --
-- The same for those that are parked or dead: each of the two has an index of its own.
select e.id from provider_accounts own
 cross join lateral (
    select event_row_id as id from unfinished_events
     where (account_id, event_row_id) > (own.id, %(above)s) and (account_id, event_row_id) < (own.id, %(below)s)
       and next_attempt_at is null and (parked_until is not null) = (%(state)s = 'parked')
     order by account_id desc, event_row_id desc limit %(limit)s) e
 where (%(merchant_id)s is null or own.merchant_id = %(merchant_id)s)
   and (%(provider)s is null or own.provider = %(provider)s) and (%(account)s is null or own.name = %(account)s)
 order by e.id desc limit %(limit)s;

-- find_unfinished_events --
select event_row_id as id from unfinished_events
 where event_row_id > %(above)s and event_row_id < %(below)s order by event_row_id desc limit %(limit)s;

-- find_events_by_event_id --
select e.id from provider_accounts own
  join webhook_events e on e.account_id = own.id and e.event_id = %(event_id)s
 where (%(merchant_id)s is null or own.merchant_id = %(merchant_id)s)
   and (%(provider)s is null or own.provider = %(provider)s) and (%(account)s is null or own.name = %(account)s)
   and e.id > %(above)s and e.id < %(below)s
 order by e.id desc limit %(limit)s;

-- find_events_of_transaction --
-- Another merchant's is like one that is not there.
select event_row_id as id from transaction_events
 where transaction_id = %(transaction_id)s and event_row_id > %(above)s and event_row_id < %(below)s
   and (%(merchant_id)s is null or exists (
        select from transactions where id = %(transaction_id)s and merchant_id = %(merchant_id)s))
 order by event_row_id desc limit %(limit)s;

-- list_matching_events --
-- Of these, those that every filter lets through. They are read by their ids whatever the planner expects of a filter.
with found as materialized (
    select id, received_at, state, event_id, reason from webhook_events where id = any (%(ids)s::uuid[])
)
select v.* from found f join event_overview v on v.id = f.id
 where (%(since)s is null or f.received_at >= %(since)s) and (%(until)s is null or f.received_at < %(until)s)
   and (%(state)s is null or f.state = %(state)s) and (%(event_id)s is null or f.event_id = %(event_id)s)
   and (%(reason)s is null or f.reason = %(reason)s)
   and (%(provider)s is null or v.provider = %(provider)s) and (%(account)s is null or v.account = %(account)s)
   and (%(merchant_id)s is null or v.merchant_id = %(merchant_id)s)
 order by f.id desc;

-- read_event --
select v.*, e.assurance, e.credential_id, c.field, b.event_row_id is not null as has_body, d.redelivered, d.redelivered_at
  from event_overview v
  join webhook_events e on e.id = v.id
  join account_credentials c on c.id = e.credential_id
  left join webhook_bodies b on b.event_row_id = v.id and b.received_at = v.received_at
  left join lateral (select count(*) as redelivered, max(received_at) as redelivered_at
                       from webhook_deliveries where account_id = v.account_id and event_id = v.event_id) d on true
 where v.id = %(id)s;

-- read_event_body --
select b.body, b.headers from webhook_events e
  join webhook_bodies b on b.event_row_id = e.id and b.received_at = e.received_at
 where e.id = %(id)s;

-- list_awaited_references --
select kind, value from parked_references where event_row_id = %(id)s order by kind, value;

-- list_event_replays --
select replayed_by, replayed_at, was_state, was_reason from event_replays where event_row_id = %(id)s order by id;

-- lock_replayable --
-- Hold what may be brought up again: nobody changes its state before it is.
-- The work is locked before the event, as everywhere.
with locked as (
    select event_row_id from unfinished_events where event_row_id = any (%(ids)s::uuid[]) order by 1 for update
)
select e.id, e.state, e.reason, b.event_row_id is not null as has_body
  from webhook_events e
  left join webhook_bodies b on b.event_row_id = e.id and b.received_at = e.received_at
 where e.id = any (%(ids)s::uuid[]) and (select count(*) from locked) >= 0 order by e.id for update of e;

-- insert_event_replays --
insert into event_replays (id, event_row_id, replayed_by, was_state, was_reason)
select id, event_row_id, %(replayed_by)s, was_state, was_reason
  from unnest(%(ids)s::uuid[], %(event_row_ids)s::uuid[], %(was_states)s::text[], %(was_reasons)s::text[])
       as t (id, event_row_id, was_state, was_reason);

-- list_stored_bodies --
-- The oldest first, with what is needed to check them again.
select e.id, e.account_id, a.provider, a.name as account, e.event_id, e.credential_id, e.assurance, e.received_at,
       b.body, b.headers
  from webhook_events e
  join provider_accounts a on a.id = e.account_id
  left join webhook_bodies b on b.event_row_id = e.id and b.received_at = e.received_at
 where e.id > %(above)s and e.id < %(below)s
   and (%(since)s is null or e.received_at >= %(since)s) and (%(until)s is null or e.received_at < %(until)s)
   and (%(provider)s is null or a.provider = %(provider)s) and (%(account)s is null or a.name = %(account)s)
 order by e.id limit %(limit)s;

-- list_all_credentials --
select c.id, c.field, c.sealed, c.master_key_id, c.created_at, c.retired_at, a.merchant_id
  from account_credentials c join provider_accounts a on a.id = c.account_id
 where c.account_id = %(account_id)s order by c.created_at desc, c.id desc;

-- list_credential_use --
-- Every secret, the newest of its field first. A secret that verifies no webhooks has a count of 0.
select c.id, a.provider, a.name as account, c.account_id, c.field, c.created_at, c.retired_at,
       coalesce(sum(l.new + l.redelivered), 0)::bigint as webhooks_verified, max(l.last_at) as last_used_at
  from account_credentials c
  join provider_accounts a on a.id = c.account_id
  left join intake_ledger l on l.credential_id = c.id
 group by c.id, a.id order by a.provider, a.name, c.field, c.created_at desc, c.id desc;

-- lock_account_of_credential --
-- As lock_account.
select a.* from provider_accounts a join account_credentials c on c.account_id = a.id
 where c.id = %(id)s for no key update of a;

-- list_values_of_field --
-- All values of the field that a secret belongs to.
select c.id, c.field, c.retired_at from account_credentials c
  join account_credentials one on one.account_id = c.account_id and one.field = c.field
 where one.id = %(id)s;
