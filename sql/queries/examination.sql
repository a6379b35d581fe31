-- read_server --
-- What of the server promises depend on, as this session has it: a role or a database may have settings of its own.
select clock_timestamp() as now, current_setting('server_version') as version,
       current_setting('server_version_num')::integer as version_number, current_setting('fsync') as fsync,
       current_setting('full_page_writes') as full_page_writes,
       current_setting('synchronous_commit') as synchronous_commit,
       current_setting('log_min_error_statement') as log_min_error_statement,
       current_setting('log_error_verbosity') as log_error_verbosity, current_setting('log_statement') as log_statement,
       pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as read_only;

-- has_migrations --
select to_regclass('schema_migrations') is not null as there;

-- list_applied_migrations --
select number, name, checksum from schema_migrations order by number;

-- list_sealed_credentials --
-- The live ones, to see whether they open.
select c.account_id, a.merchant_id, a.provider, a.name as account, c.field, c.sealed, c.master_key_id
  from account_credentials c join provider_accounts a on a.id = c.account_id
 where c.retired_at is null order by c.id;

-- list_master_key_use --
-- How many live and retired credentials hang on each master key, and since when it is known to be in use: from the first
-- time that something was re-sealed under it, or else from the oldest credential under it.
select c.master_key_id, count(*) filter (where c.retired_at is null) as live,
       count(*) filter (where c.retired_at is not null) as retired,
       coalesce((select min(made_at) from operator_audit
                  where subject_id is null and merchant_id is null and action = 'credentials.resealed'
                    and details ->> 'master_key' = c.master_key_id),
                min(c.created_at)) as since
  from account_credentials c group by c.master_key_id order by c.master_key_id;

-- list_live_keys --
select id, prefix, name, merchant_id, scopes, pepper_id, created_at, expires_at, last_used_at, successor_id
  from key_overview where state = 'live' order by created_at, id;

-- list_accounts_to_examine --
-- With when one was last sent something that none of its secrets had signed.
select a.id, a.merchant_id, a.provider, a.name, a.disabled_at is not null as disabled,
       (select max(r.last_at) from webhook_refusals r where r.account_id = a.id and r.reason = 'no_match')
           as last_refused_at
  from provider_accounts a order by a.provider, a.name;

-- list_missing_body_partitions --
-- Of this month and the next: the relay makes them three months ahead.
select to_char(month, 'YYYY-MM') as month
  from (select now() + make_interval(months => n) as month from generate_series(0, 1) n) months
 where to_regclass('webhook_bodies_' || to_char(month, 'YYYY_MM')) is null order by 1;

-- read_overdue_work --
-- For how long the oldest work of each schedule has been due; null: nothing is. From the indexes of what is due.
select extract(epoch from now() - (select min(next_attempt_at) from unfinished_events
                                    where next_attempt_at is not null))::float as relay_events,
       extract(epoch from now() - least(
           (select min(resolve_due_at) from attempts where resolve_due_at is not null),
           (select min(resolve_due_at) from refunds where resolve_due_at is not null),
           (select min(resolve_due_at) from transactions where resolve_due_at is not null)))::float as resolve_unknown,
       extract(epoch from now() - (select min(pull_due_at) from transactions
                                    where pull_due_at is not null))::float as start_reconciliation,
       -- Its newest runs alone: ids are in the order of time.
       extract(epoch from now() - (select max(started_at) from (select started_by, started_at from reconciliation_runs
                                                                 order by id desc limit 100) newest
                                    where started_by = 'schedule'))::float as last_scheduled_run;
