-- read_intake_totals --
select a.provider, a.name as account, l.new, l.redelivered
  from (select account_id, sum(new)::bigint as new, sum(redelivered)::bigint as redelivered
          from intake_ledger group by account_id) l
  join provider_accounts a on a.id = l.account_id order by 1, 2;

-- read_credential_use --
-- Of the oldest accounts. One that was retired is told of for a week more.
select a.provider, a.name as account, c.field, c.id, c.retired_at is not null as retired,
       coalesce(sum(l.new + l.redelivered), 0)::bigint as verified, extract(epoch from max(l.last_at))::float as last_at
  from intake_ledger l
  join account_credentials c on c.id = l.credential_id
  join (select id, provider, name from provider_accounts order by id limit %(accounts_max)s) a on a.id = c.account_id
 where c.retired_at is null or c.retired_at > now() - interval '7 days'
 group by a.provider, a.name, c.field, c.id order by a.provider, a.name, c.field, c.created_at, c.id;

-- list_oldest_accounts --
select id, provider, name from provider_accounts order by id limit %(limit)s;

-- count_unfinished_events --
-- From the table of work: never all events.
select case when next_attempt_at is not null then 'in_flight' when parked_until is not null then 'parked' else 'dead' end
           as state,
       count(*) as events, coalesce(extract(epoch from now() - min(received_at)), 0)::float as oldest_s,
       -- Of what a worker may take now, and none has.
       greatest(extract(epoch from now() - min(not_before) filter (where next_attempt_at is not null)), 0)::float
           as waited_s
  from unfinished_events group by 1;

-- read_balance --
select a.provider, a.name as account, b.applied, b.ignored, b.imbalance
  from webhook_balance b join provider_accounts a on a.id = b.account_id order by 1, 2;

-- count_unresolved_transactions --
-- From the index of open ones, and no more of them than may be read in a moment.
select (select count(*) from (select from transactions
                               where pull_due_at is not null and state in ('pending', 'authorized')
                               limit %(counted_max)s) open) as transactions,
       coalesce(extract(epoch from now() - (select min(created_at) from transactions
                                             where pull_due_at is not null and state in ('pending', 'authorized'))),
                0)::float as oldest_s;

-- count_unresolved_calls --
-- Calls of providers whose end is not known, from the partial indexes of what is due. Each call that is made is due in a
-- minute, until its answer comes: those that were looked up once are not known.
select 'checkout' as what, count(*) as calls,
       coalesce(extract(epoch from now() - min(created_at)), 0)::float as oldest_s
  from attempts where resolve_due_at is not null and resolve_tries > 0
 union all
select 'refund', count(*), coalesce(extract(epoch from now() - min(created_at)), 0)::float
  from refunds where resolve_due_at is not null and resolve_tries > 0
 union all
select 'cancel_or_capture', count(*),
       coalesce(extract(epoch from now() - min(coalesce(least(cancel_requested_at, capture_called_at), updated_at))), 0)::float
  from transactions where resolve_due_at is not null and resolve_tries > 0;

-- check_database --
select 1 as one;
