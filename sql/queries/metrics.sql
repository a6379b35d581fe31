-- read_intake_totals --
select a.provider, a.name as account, l.new, l.redelivered
  from (select account_id, sum(new)::bigint as new, sum(redelivered)::bigint as redelivered
          from intake_ledger group by account_id) l
  join provider_accounts a on a.id = l.account_id order by 1, 2;

-- count_unfinished_events --
-- By partial indexes only: never the whole table.
select state, count(*) as events, coalesce(extract(epoch from now() - min(received_at)), 0)::float as oldest_s
  from webhook_events where next_attempt_at is not null group by state
union all
select 'dead', count(*), coalesce(extract(epoch from now() - min(received_at)), 0)::float
  from webhook_events where state = 'dead';

-- count_unresolved_transactions --
select count(*) as transactions, coalesce(extract(epoch from now() - min(created_at)), 0)::float as oldest_s
  from transactions where pull_due_at is not null and state in ('pending', 'authorized');

-- check_database --
select 1 as one;
