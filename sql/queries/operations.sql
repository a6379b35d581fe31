-- list_stored_events --
-- The newest first. Ids are UUIDv7: `above` and `below` bound the part of the table that is looked at. Parameters
-- are put in by the client, so that a filter that is not given costs nothing.
select * from event_overview v
 where v.id > %(above)s and v.id < %(below)s
   and (%(since)s is null or v.received_at >= %(since)s) and (%(until)s is null or v.received_at < %(until)s)
   and (%(provider)s is null or v.provider = %(provider)s) and (%(account)s is null or v.account = %(account)s)
   and (%(state)s is null or v.state = %(state)s) and (%(event_id)s is null or v.event_id = %(event_id)s)
   and (%(reason)s is null or v.reason = %(reason)s)
 order by v.id desc limit %(limit)s;

-- list_unfinished_events --
-- The same for a state that has work to do: read from the table of work, however many events there are.
select v.* from unfinished_events u join event_overview v on v.id = u.event_row_id
 where u.event_row_id > %(above)s and u.event_row_id < %(below)s
   and (u.next_attempt_at is not null) = (%(state)s = 'in_flight') and (u.parked_until is not null) = (%(state)s = 'parked')
   and (%(since)s is null or v.received_at >= %(since)s) and (%(until)s is null or v.received_at < %(until)s)
   and (%(provider)s is null or v.provider = %(provider)s) and (%(account)s is null or v.account = %(account)s)
   and (%(event_id)s is null or v.event_id = %(event_id)s)
   and (%(reason)s is null or v.reason = %(reason)s)
 order by u.event_row_id desc limit %(limit)s;

-- list_events_of_transaction --
-- The same for one transaction.
select v.* from transaction_events t join event_overview v on v.id = t.event_row_id
 where t.transaction_id = %(transaction_id)s and t.event_row_id > %(above)s and t.event_row_id < %(below)s
   and (%(since)s is null or v.received_at >= %(since)s) and (%(until)s is null or v.received_at < %(until)s)
   and (%(provider)s is null or v.provider = %(provider)s) and (%(account)s is null or v.account = %(account)s)
   and (%(state)s is null or v.state = %(state)s) and (%(event_id)s is null or v.event_id = %(event_id)s)
   and (%(reason)s is null or v.reason = %(reason)s)
 order by t.event_row_id desc limit %(limit)s;

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

-- lock_credentials_of_field --
-- All values of the field that a secret belongs to.
select c.id, c.field, c.retired_at, a.provider, a.name as account
  from account_credentials c
  join account_credentials one on one.account_id = c.account_id and one.field = c.field
  join provider_accounts a on a.id = c.account_id
 where one.id = %(id)s order by c.id for update of c;
