-- open_discrepancies --
-- Those of the findings that were never found before, each with a row of its history.
with given as (
    select * from unnest(%(ids)s::uuid[], %(history_ids)s::uuid[], %(kinds)s::text[], %(subjects)s::text[],
        %(differences)s::text[], %(currencies)s::text[], %(ours)s::bigint[], %(theirs)s::bigint[], %(evidence)s::jsonb[],
        %(transaction_ids)s::uuid[], %(refund_ids)s::uuid[], %(line_ids)s::uuid[], %(found_by)s::text[])
        as t (id, history_id, kind, subject, difference, currency, ours, theirs, evidence, transaction_id, refund_id,
              line_id, found_by)
), opened as (
    insert into discrepancies (id, merchant_id, account_id, provider, kind, subject, difference, currency, ours, theirs,
                               evidence, transaction_id, refund_id, settlement_line_id, found_by, state, resolution,
                               resolved_at, run_id, last_run_id)
    select id, %(merchant_id)s, %(account_id)s, %(provider)s, kind, subject, difference, currency, ours, theirs, evidence,
           transaction_id, refund_id, line_id, found_by, case when %(repaired)s then 'resolved' else 'open' end,
           case when %(repaired)s then 'repaired' end, case when %(repaired)s then now() end, %(run_id)s, %(run_id)s
      from given order by subject, kind, difference, currency, ours, theirs
        on conflict on constraint discrepancies_unique do nothing
    returning id, state, resolution
)
insert into discrepancy_history (id, discrepancy_id, state, resolution, run_id)
select g.history_id, o.id, o.state, o.resolution, %(run_id)s from opened o join given g using (id)
returning discrepancy_id as id;

-- lock_known_discrepancies --
-- Those of the findings that were found before, and which of them each is. Locked in the order of their ids, as wherever
-- several are.
select d.id, d.state, d.resolution, g.place
  from unnest(%(kinds)s::text[], %(subjects)s::text[], %(differences)s::text[], %(currencies)s::text[], %(ours)s::bigint[],
              %(theirs)s::bigint[]) with ordinality as g (kind, subject, difference, currency, ours, theirs, place)
  join discrepancies d on d.account_id = %(account_id)s and d.subject = g.subject and d.kind = g.kind
   and d.difference = g.difference and d.currency = g.currency and d.ours = g.ours and d.theirs = g.theirs
 order by d.id for update of d;

-- touch_discrepancies --
-- What an answer shows holds for what our side is now: the evidence of an older one would not tell that.
update discrepancies d set last_run_id = %(run_id)s, evidence = k.evidence
  from (select id, case when o.found_by = 'status' and t.found_by = 'status' then t.evidence else o.evidence end as evidence
          from unnest(%(ids)s::uuid[], %(evidence)s::jsonb[], %(found_by)s::text[]) as t (id, evidence, found_by)
          join discrepancies o using (id)) k
 where d.id = k.id and (d.last_run_id <> %(run_id)s or d.evidence <> k.evidence);

-- reopen_discrepancies --
-- As who opens them again has found them.
with reopened as (
    update discrepancies d
       set state = 'open', resolution = null, resolved_by = null, resolved_at = null, note = null, opened_at = now(),
           evidence = t.evidence, settlement_line_id = t.line_id, found_by = t.found_by
      from unnest(%(ids)s::uuid[], %(history_ids)s::uuid[], %(evidence)s::jsonb[], %(line_ids)s::uuid[],
                  %(found_by)s::text[]) as t (id, history_id, evidence, line_id, found_by)
     where d.id = t.id
    returning d.id, t.history_id
)
insert into discrepancy_history (id, discrepancy_id, state, run_id)
select history_id, id, 'open', %(run_id)s from reopened;

-- resolve_discrepancies --
with resolved as (
    update discrepancies d
       set state = 'resolved', resolution = %(resolution)s, resolved_by = %(made_by)s, note = %(note)s, resolved_at = now()
      from unnest(%(ids)s::uuid[], %(history_ids)s::uuid[]) as t (id, history_id)
     where d.id = t.id
    returning d.id, t.history_id
)
insert into discrepancy_history (id, discrepancy_id, state, resolution, run_id, made_by, note)
select history_id, id, 'resolved', %(resolution)s, %(run_id)s, %(made_by)s, %(note)s from resolved;

-- lock_gone_discrepancies --
-- Open ones of subjects that this run has checked, and did not find again.
select id from discrepancies
 where account_id = %(account_id)s and state = 'open' and subject = any (%(subjects)s::text[])
   and kind = any (%(kinds)s::text[]) and found_by = %(found_by)s and last_run_id <> %(run_id)s
 order by id for update;

-- list_told_by_status --
-- What providers' answers have shown of these transactions, and what is open or was accepted.
select transaction_id, kind, currency, drift, evidence #> '{ours,version}' as version, evidence -> 'after' as after,
       last_run_id, state
  from discrepancies
 where transaction_id = any (%(transaction_ids)s::uuid[]) and account_id = %(account_id)s and found_by = 'status'
   and (state = 'open' or resolution = 'accepted')
 order by id;

-- list_told_by_dry_run --
-- What they have shown in a dry run, which keeps it with its batches. `after` is text, which is small.
select (f.value ->> 'transaction_id')::uuid as transaction_id, f.value ->> 'kind' as kind,
       f.value ->> 'currency' as currency, (f.value ->> 'theirs')::bigint - (f.value ->> 'ours')::bigint as drift,
       f.value #> '{evidence,ours,version}' as version,
       (f.value -> 'evidence' -> 'after')::text as after
  from reconciliation_batches b, jsonb_array_elements(b.findings) f
 where b.run_id = %(run_id)s and b.account_id = %(account_id)s and b.kind = 'status' and b.findings <> '[]'
   and f.value ->> 'transaction_id' is not null;

-- list_answered_in_dry_run --
-- Those transactions that it has asked about of which something is stored. Which of a batch have failed nobody knows.
select distinct d.transaction_id
  from reconciliation_batches b cross join lateral unnest(b.transaction_ids[1 : b.position]) as a (id)
  join discrepancies d on d.transaction_id = a.id
 where b.run_id = %(run_id)s and b.account_id = %(account_id)s and b.kind = 'status' and b.failed = 0
   and d.account_id = %(account_id)s and d.found_by = 'status' and (d.state = 'open' or d.resolution = 'accepted');

-- lock_discrepancy --
select id, merchant_id, state, resolution from discrepancies where id = %(id)s for update;

-- list_discrepancies --
-- The newest first. Parameters are put in by the client, so that a filter that is not given costs nothing. Of a run: what
-- it found first, or was the last to find.
select d.*, a.name as account from discrepancies d join provider_accounts a on a.id = d.account_id
 where d.id < %(below)s and (%(id)s is null or d.id = %(id)s)
   and (%(merchant_id)s is null or d.merchant_id = %(merchant_id)s)
   and (%(account_id)s is null or d.account_id = %(account_id)s)
   and (%(transaction_id)s is null or d.transaction_id = %(transaction_id)s)
   and (%(run_id)s is null or d.run_id = %(run_id)s or d.last_run_id = %(run_id)s)
   and (%(provider)s is null or d.provider = %(provider)s)
   and (%(kind)s is null or d.kind = %(kind)s) and (%(state)s is null or d.state = %(state)s)
   and (%(currency)s is null or d.currency = %(currency)s) and (%(since)s is null or d.opened_at >= %(since)s)
 order by d.id desc limit %(limit)s;

-- list_discrepancy_history --
select state, resolution, run_id, made_by, note, created_at from discrepancy_history
 where discrepancy_id = %(id)s order by id;

-- sum_discrepancies --
select d.provider, d.account_id, a.name as account, d.kind, d.currency, d.state, count(*) as discrepancies,
       sum(d.ours)::bigint as ours, sum(d.theirs)::bigint as theirs, sum(d.drift)::bigint as drift
  from discrepancies d join provider_accounts a on a.id = d.account_id
 where (%(merchant_id)s is null or d.merchant_id = %(merchant_id)s)
   and (%(account_id)s is null or d.account_id = %(account_id)s)
   and (%(run_id)s is null or d.run_id = %(run_id)s or d.last_run_id = %(run_id)s)
   and (%(provider)s is null or d.provider = %(provider)s)
   and (%(kind)s is null or d.kind = %(kind)s) and (%(state)s is null or d.state = %(state)s)
 group by d.provider, d.account_id, a.name, d.kind, d.currency, d.state
 order by d.provider, a.name, d.kind, d.currency, d.state;

-- read_open_discrepancies --
-- For gauges. From the index of open ones: never all discrepancies.
select d.provider, a.name as account, d.kind, d.currency, count(*) as discrepancies, sum(d.drift)::bigint as drift,
       extract(epoch from now() - min(d.opened_at))::float as oldest_s
  from discrepancies d join provider_accounts a on a.id = d.account_id
 where d.state = 'open' group by d.provider, a.name, d.kind, d.currency order by 1, 2, 3, 4;
