-- insert_run --
insert into reconciliation_runs (id, merchant_id, started_by, provider, account_id, created_from, created_to, repair,
                                 due_only, sample, statuses, settlements, scope)
values (%(id)s, %(merchant_id)s, %(started_by)s, %(provider)s, %(account_id)s, %(created_from)s, %(created_to)s,
        %(repair)s, %(due_only)s, %(sample)s, %(statuses)s, %(settlements)s, %(scope)s)
on conflict (scope) where state = 'running' do nothing;

-- find_ordered_account --
select id from provider_accounts
 where provider = %(provider)s and name = %(name)s
   and (%(merchant_id)s::uuid is null or merchant_id = %(merchant_id)s);

-- find_running --
select id from reconciliation_runs where scope = %(scope)s and state = 'running';

-- count_under_way --
-- Of a merchant, those that its own keys have started.
select count(*) as runs from reconciliation_runs
 where merchant_id = %(merchant_id)s and state = 'running' and started_by <> all (%(others)s::text[]);

-- lock_unplanned --
-- A run whose batches are not written, and what it was asked for. Who plans it holds it.
select r.merchant_id, r.started_by, r.provider, a.name as account, r.created_from, r.created_to, r.repair, r.due_only,
       r.sample, r.statuses, r.settlements, r.account_id
  from reconciliation_runs r left join provider_accounts a on a.id = r.account_id
 where r.id = %(id)s and r.state = 'running' and r.planned_at is null for update of r;

-- note_planned --
update reconciliation_runs set planned_at = now() where id = %(id)s;

-- take_unplanned --
-- One whose planner is gone: who still plans one holds its row. Tries are counted before they are made, so that one that
-- cannot be planned ends.
update reconciliation_runs set plan_tries = plan_tries + 1
 where id = (select id from reconciliation_runs
              where state = 'running' and planned_at is null and plan_tries < %(tries_max)s
                and started_at < now() - make_interval(secs => %(after_s)s) and id <> all (%(tried)s::uuid[])
              order by plan_tries, id limit 1 for update skip locked)
returning id;

-- limit_statements --
select set_config('statement_timeout', %(ms)s::text, true);

-- plan_run --
-- Divide what a run asks about into batches. Without a time that is: what is open (with `due_only`, what is due of it),
-- what events wait for that a person must look at, what an answer has left open (with `due_only`, where our side has
-- changed since, and what was asked about in vain once an hour is over), and a sample of the rest, drawn by random
-- moments.
with chosen as (
    (select t.id, t.account_id, t.provider from transactions t
      where %(created_from)s::timestamptz is null and t.pull_due_at is not null
        and (not %(due_only)s or t.pull_due_at <= now())
        and (%(merchant_id)s::uuid is null or t.merchant_id = %(merchant_id)s)
        and t.provider = any (%(providers)s::text[])
        and (%(account_id)s::uuid is null or t.account_id = %(account_id)s)
      order by t.pull_due_at
      limit least(case when %(due_only)s then %(due_max)s end::bigint, %(selected_max)s::bigint))
    union
    -- One more than it may be of, which tells that there are.
    (select t.id, t.account_id, t.provider
      from merchants m join transactions t on t.merchant_id = m.id
     where t.created_at >= %(created_from)s and t.created_at < %(created_to)s
       and (%(merchant_id)s::uuid is null or m.id = %(merchant_id)s)
       and t.provider = any (%(providers)s::text[])
       and (%(account_id)s::uuid is null or t.account_id = %(account_id)s)
      limit %(selected_max)s::bigint + 1)
    union
    select t.id, t.account_id, t.provider
      from unfinished_events u
      join webhook_events e on e.id = u.event_row_id
      join transactions t on t.id = e.transaction_id
     where %(created_from)s::timestamptz is null and u.parked_until is not null
       and (%(merchant_id)s::uuid is null or t.merchant_id = %(merchant_id)s)
    union
    (select t.id, t.account_id, t.provider
      from discrepancies d join transactions t on t.id = d.transaction_id and t.account_id = d.account_id
     where %(created_from)s::timestamptz is null and d.state = 'open' and d.found_by = 'status'
       and (not %(due_only)s or d.evidence #>> '{after,version}' <> t.version::text
                                and (d.asked_at is null or d.asked_at <= now() - interval '1 hour'))
       and (%(merchant_id)s::uuid is null or d.merchant_id = %(merchant_id)s)
       and t.provider = any (%(providers)s::text[])
       and (%(account_id)s::uuid is null or d.account_id = %(account_id)s)
      order by d.asked_at nulls first, d.last_run_id limit %(due_max)s)
    union
    select t.id, t.account_id, t.provider
      from (select n, random() as share
              from generate_series(1, case when %(created_from)s::timestamptz is null then %(sample)s else 0 end) n) drawn
      join (select id, row_number() over (order by random()) as place, count(*) over () as n,
                   (select min(created_at) from transactions f
                     where f.merchant_id = merchants.id
                       and f.created_at >= now() - make_interval(days => %(sample_days)s)) as first_at
              from merchants where %(merchant_id)s::uuid is null or id = %(merchant_id)s) m
           on m.place = 1 + drawn.n %% m.n
      cross join lateral (
          select near.id, near.account_id, near.provider
            from (select id, account_id, provider, captured from transactions
                   where merchant_id = m.id and created_at <= m.first_at + drawn.share * (now() - m.first_at)
                   order by created_at desc, id desc limit 20) near
           where near.captured > 0 limit 1) t
), wanted as (
    select id, account_id, provider, (row_number() over (partition by account_id order by id) - 1) / %(size)s as part
      from chosen
     where provider = any (%(providers)s::text[]) and (%(account_id)s::uuid is null or account_id = %(account_id)s)
), parts as (
    -- Of too many none: the run is refused.
    select account_id, provider, part, array_agg(id order by id) as ids
      from wanted
     where %(created_from)s::timestamptz is null or %(selected_max)s::bigint is null
        or (select count(*) from wanted) <= %(selected_max)s::bigint
     group by account_id, provider, part
), planned as (
    -- The accounts take turns.
    insert into reconciliation_batches (run_id, number, account_id, provider, transaction_ids)
    select %(run_id)s, row_number() over (order by part, account_id), account_id, provider, ids from parts
    returning number
)
update reconciliation_runs set selected = (select count(*) from wanted) where id = %(run_id)s
returning selected, (select count(*) from planned) as batches;

-- note_asked --
-- Of what answers have left open, what this run asks about; but for what another works at. `is true` has the ids hashed,
-- whatever is thought of how many there are: as a join each might be compared with each.
update discrepancies d set asked_at = now()
  from (select o.id from discrepancies o
         where o.state = 'open' and o.found_by = 'status' and (o.transaction_id in (
             select unnest(b.transaction_ids) from reconciliation_batches b
              where b.run_id = %(run_id)s and b.kind = 'status')) is true
         order by o.id for no key update of o skip locked) asked
 where d.id = asked.id;

-- plan_settlements --
-- Accounts of which nothing was heard are left out, but for a time that is asked for: of what was paid there, all may be
-- missing here.
insert into reconciliation_batches (run_id, number, account_id, provider, transaction_ids, kind, since, until)
select %(run_id)s, (select count(*) from reconciliation_batches where run_id = %(run_id)s) + row_number() over (order by a.id),
       a.id, a.provider, '{}', 'settlement',
       coalesce(%(created_from)s::timestamptz, now() - make_interval(days => %(days)s)),
       least(coalesce(%(created_to)s::timestamptz, now()), now())
  from provider_accounts a
  left join settlement_matchings m on m.account_id = a.id
 where (%(merchant_id)s::uuid is null or a.merchant_id = %(merchant_id)s)
   and (%(account_id)s::uuid is null or a.id = %(account_id)s) and a.provider = any (%(providers)s::text[])
   and (%(created_from)s::timestamptz is null or %(created_from)s < now())
   and (not %(due_only)s or m.matched_at is null or m.matched_at < now() - interval '1 day')
   and (%(created_from)s::timestamptz is not null
        or exists (select from transactions t where t.merchant_id = a.merchant_id and t.provider = a.provider)
        or exists (select from settlement_lines l where l.account_id = a.id));

-- claim_batch --
-- An account's lines are matched once its provider has been asked about its transactions: what that repairs is none.
update reconciliation_batches b
   set locked_until = now() + make_interval(secs => %(lease_s)s), fence = fence + 1
  from reconciliation_runs r
 where r.id = b.run_id
   and (b.run_id, b.number) = (
       select d.run_id, d.number
         from reconciliation_batches d join reconciliation_runs o on o.id = d.run_id
        where d.state = 'due' and d.locked_until <= now() and d.not_before <= now() and d.account_id <> all (%(left)s::uuid[])
          and (%(run_id)s::uuid is null or d.run_id = %(run_id)s)
          and (d.kind <> 'settlement' or not exists (
              select from reconciliation_batches s where s.run_id = d.run_id and s.account_id = d.account_id
                 and s.kind = 'status' and s.state = 'due'))
          -- Who shares an account with another worker only waits with it for turns.
          and not exists (
              select from reconciliation_batches w
               where w.account_id = d.account_id and w.kind = d.kind and w.state = 'due' and w.locked_until > now())
        -- The schedule's come before those by hand, which may be long; of these each has its turn, so that short ones end.
        order by o.started_by <> 'schedule', d.number, d.locked_until, d.run_id limit 1 for update of d skip locked)
returning b.run_id, b.number, b.account_id, b.provider, b.transaction_ids, b.position, b.changed, b.failed, b.totals,
          b.findings, b.doubts, b.stalls, b.kind, b.since, b.until, b.place, b.error, b.fence, r.repair;

-- save_batch --
-- Note how far a batch is, and hold its lease, unless another has it by now. Its ids are given when their order changed.
update reconciliation_batches
   set transaction_ids = coalesce(%(transaction_ids)s::uuid[], transaction_ids), position = %(position)s,
       changed = %(changed)s, failed = %(failed)s, totals = %(totals)s, findings = %(findings)s, doubts = %(doubts)s,
       stalls = %(stalls)s, place = %(place)s, error = %(error)s, state = %(state)s,
       locked_until = now() + make_interval(secs => %(lease_s)s), not_before = now() + make_interval(secs => %(wait_s)s)
 where run_id = %(run_id)s and number = %(number)s and fence = %(fence)s
returning number;

-- give_up_account --
-- The rest of an account's batches, when its provider does not answer: the next run takes it up.
update reconciliation_batches set state = 'given_up', error = %(error)s, fence = fence + 1
 where run_id = %(run_id)s and account_id = %(account_id)s and state = 'due' and locked_until <= now();

-- end_run --
-- Nothing of a run is left to do: sum it up. It is partial when something was not checked.
with sums as (
    select coalesce(sum(position), 0) as position, coalesce(sum(changed), 0) as changed,
           coalesce(sum(failed), 0) as failed
      from reconciliation_batches where run_id = %(id)s
), totals as (
    select coalesce(jsonb_agg(jsonb_build_object('provider', provider, 'currency', currency, 'checked', n, 'ours', ours,
                                                 'theirs', theirs, 'drift', theirs - ours)
                              order by provider, currency), '[]') as all_of_them
      from (select b.provider, t.key as currency, sum((t.value ->> 'n')::bigint) as n,
                   sum((t.value ->> 'ours')::bigint) as ours, sum((t.value ->> 'theirs')::bigint) as theirs
              from reconciliation_batches b, jsonb_each(b.totals) t
             where b.run_id = %(id)s group by b.provider, t.key) by_currency
), missed as (
    select coalesce(jsonb_agg(jsonb_build_object('what', kind, 'provider', provider, 'account', name, 'transactions', n,
                                                 'error', error)
                              order by provider, name, kind, error), '[]') as all_of_them
      from (select b.kind, b.provider, a.name, b.error, sum(cardinality(b.transaction_ids) - b.position + b.failed) as n
              from reconciliation_batches b join provider_accounts a on a.id = b.account_id
             where b.run_id = %(id)s and (b.state = 'given_up' or b.failed > 0)
             group by b.kind, b.provider, a.name, b.error) by_account
), ended as (
    update reconciliation_runs r
       set state = case when missed.all_of_them = '[]' then 'finished' else 'partial' end,
           checked = sums.position - sums.failed, changed = sums.changed, failed = sums.failed,
           totals = totals.all_of_them, not_checked = missed.all_of_them, finished_at = now()
      from sums, totals, missed
     where r.id = %(id)s and r.state = 'running' and r.planned_at is not null
       and not exists (select from reconciliation_batches b where b.run_id = r.id and b.state = 'due')
    returning r.id, r.repair, r.created_from
), matched as (
    -- One that failed is tried again in an hour; one of a time that was asked for tells nothing of the last days.
    insert into settlement_matchings (account_id, matched_at)
    select b.account_id, now() - case when b.state = 'done' then interval '0' else interval '23 hours' end
      from reconciliation_batches b join ended e on e.id = b.run_id
     where b.kind = 'settlement' and e.repair <> 'dry' and e.created_from is null
        on conflict (account_id) do update set matched_at = excluded.matched_at
), deleted as (
    delete from reconciliation_batches b using ended e where b.run_id = e.id and e.repair <> 'dry'
), emptied as (
    update reconciliation_batches b set transaction_ids = '{}' from ended e where b.run_id = e.id and e.repair = 'dry'
)
select id from ended;

-- list_unended_runs --
-- With how many batches of each could be begun now, of how many somebody has the lease, and in how many seconds the next
-- of those that wait may be begun.
select r.id, count(b.number) as due, count(b.number) filter (where b.locked_until > now()) as held,
       extract(epoch from min(greatest(b.locked_until, b.not_before))
           filter (where greatest(b.locked_until, b.not_before) > now()) - now())::float as next_s,
       count(b.number) filter (where b.locked_until <= now() and b.not_before <= now() and (b.kind <> 'settlement' or not exists (
           select from reconciliation_batches s where s.run_id = b.run_id and s.account_id = b.account_id
              and s.kind = 'status' and s.state = 'due'))) as free
  from reconciliation_runs r left join reconciliation_batches b on b.run_id = r.id and b.state = 'due'
 where r.state = 'running' and r.planned_at is not null group by r.id;

-- show_run --
select r.id, r.merchant_id, r.started_by, r.provider, a.name as account, r.created_from, r.created_to, r.repair, r.state,
       r.selected, case when r.state = 'running' then coalesce(p.checked, 0) else r.checked end as checked,
       case when r.state = 'running' then coalesce(p.changed, 0) else r.changed end as changed,
       case when r.state = 'running' then coalesce(p.failed, 0) else r.failed end as failed,
       r.totals, r.not_checked, r.started_at, r.finished_at
  from reconciliation_runs r
  left join provider_accounts a on a.id = r.account_id
  left join lateral (select sum(b.position - b.failed) as checked, sum(b.changed) as changed, sum(b.failed) as failed
                       from reconciliation_batches b where b.run_id = r.id and r.state = 'running') p on true
 where r.id = %(id)s and (%(merchant_id)s::uuid is null or r.merchant_id = %(merchant_id)s);

-- list_runs --
select r.id, r.merchant_id, r.started_by, r.provider, a.name as account, r.created_from, r.created_to, r.repair, r.state,
       r.selected, r.checked, r.changed, r.failed, r.totals, r.not_checked, r.started_at, r.finished_at
  from reconciliation_runs r
  left join provider_accounts a on a.id = r.account_id
 where (%(merchant_id)s::uuid is null or r.merchant_id = %(merchant_id)s)
   and r.id < %(below)s
 order by r.id desc limit %(limit)s;

-- list_dry_findings --
select f.value as finding
  from reconciliation_batches b, jsonb_array_elements(b.findings) f
 where b.run_id = %(run_id)s order by b.number limit %(limit)s;

-- read_transactions --
select * from transactions where id = any (%(ids)s::uuid[]) order by id;

-- list_attempts_of --
select a.transaction_id, a.id, a.number, a.account_id, p.provider, p.name as account, a.outcome, a.error,
       a.failure_stored, a.checkout_url, a.expires_at, a.created_at, a.finished_at
  from attempts a join provider_accounts p on p.id = a.account_id
 where a.transaction_id = any (%(ids)s::uuid[]) order by a.transaction_id, a.number;

-- list_references_of --
-- Each in the account that its transaction is in.
select r.transaction_id, r.kind, r.value
  from transactions t join provider_references r on r.transaction_id = t.id and r.account_id = t.account_id
 where t.id = any (%(ids)s::uuid[]) order by r.created_at desc, r.kind, r.value;

-- note_answers --
-- Answers that told nothing new, unless something moved since they were asked for. An open transaction is asked about
-- again at growing distances, and once soon after its page's end; one that ended without money a few times after that.
with still as (
    select t.id from transactions t
      join unnest(%(ids)s::uuid[], %(versions)s::integer[], %(answers)s::integer[]) as seen (id, version, answers)
           on t.id = seen.id and t.version = seen.version and t.answers = seen.answers
     order by t.id for update of t
)
update transactions t
   set answers = t.answers + 1, pulls = t.pulls + 1,
       pull_due_at = case
           when t.state in ('pending', 'authorized') then least(
               now() + make_interval(secs => least(%(first_s)s * power(2, least(t.pulls, 20)), %(last_s)s)),
               case when t.expires_at > now() then late_pull_due(t.expires_at) end)
           when t.state in ('failed', 'expired', 'cancelled') then late_pull_due(t.expires_at) end
  from still where t.id = still.id;

-- postpone_pulls --
-- The provider gave no answer, so this was no question either.
update transactions set pull_due_at = now() + make_interval(secs => %(delay_s)s)
 where id = any (%(ids)s::uuid[]) and pull_due_at is not null;

-- lock_asked --
select id from transactions where id = any (%(ids)s::uuid[]) order by id for update;

-- list_unmoved --
select t.id from unnest(%(ids)s::uuid[], %(versions)s::integer[]) as seen (id, version)
  join transactions t on t.id = seen.id and t.version = seen.version;

-- note_crash --
update reconciliation_batches
   set stalls = stalls + 1, error = 'internal', locked_until = now() + make_interval(secs => %(lease_s)s),
       state = case when stalls + 1 >= %(stalls_max)s then 'given_up' else state end
 where run_id = %(run_id)s and number = %(number)s and fence = %(fence)s and state = 'due';

-- is_sample_due --
select coalesce(max(started_at) < now() - make_interval(secs => %(after_s)s), true) as due
  from (select started_at from reconciliation_runs
         where started_by = 'schedule' and merchant_id is null order by id desc limit 1) newest;

-- drop_run --
delete from reconciliation_runs where id = %(id)s and planned_at is null;

-- give_up_old_runs --
-- Their batches; and of one that nobody could plan there are none.
with unplanned as (
    update reconciliation_runs r
       set state = 'partial', finished_at = now(),
           not_checked = jsonb_build_array(jsonb_build_object(
               'what', 'run', 'provider', r.provider, 'transactions', 0, 'error', 'cannot_be_planned',
               'account', (select name from provider_accounts a where a.id = r.account_id)))
     where r.id in (select id from reconciliation_runs
                     where state = 'running' and planned_at is null
                       and (plan_tries >= %(tries_max)s or started_at < now() - make_interval(hours => %(hours)s))
                       for update skip locked)
)
update reconciliation_batches b set state = 'given_up', error = 'took_too_long', fence = fence + 1
  from reconciliation_runs r
 where r.id = b.run_id and r.state = 'running' and r.started_at < now() - make_interval(hours => %(hours)s)
   and b.state = 'due';

-- list_changed --
-- By what is noted of each change in its history.
select distinct on (h.transaction_id) h.transaction_id as id, b.captured - b.refunded as ours
  from transaction_history h
  join transaction_history b on b.transaction_id = h.transaction_id and b.version = h.version - 1
 where h.transaction_id = any (%(ids)s::uuid[]) and h.evidence in ('pull', 'clock') and h.evidence_id = %(run_id)s
 order by h.transaction_id, h.version;

-- list_in_flight --
-- Of these transactions, those of which something is on its way that may explain a difference.
select t.id from unnest(%(ids)s::uuid[]) as t (id)
 where exists (select from transaction_events x join unfinished_events u on u.event_row_id = x.event_row_id
                where x.transaction_id = t.id and u.next_attempt_at is not null)
    or exists (select from refunds f
                where f.transaction_id = t.id and (f.resolve_due_at is not null or f.reserved > 0))
    or exists (select from transactions c where c.id = t.id and c.resolve_due_at is not null)
    or exists (select from attempts a where a.transaction_id = t.id and a.outcome is null);
