-- try_lock_settlement_lines --
-- One at a time stores lines of an account: a line's figures are compared with those that are stored.
select pg_try_advisory_xact_lock(hashtextextended('settlement_lines ' || %(account_id)s::text, 0)) as locked;

-- store_settlement_lines --
-- Lines of one account, each line_id once. One that was announced takes its new figures; one that is settled keeps those
-- that it has, and notes when it is told otherwise. A file that is older than what is known changes nothing.
with given as (
    select line_id, kind, reference_kinds::text[] as reference_kinds, reference_values::text[] as reference_values, amount,
           currency, fee, net, paid_amount, paid_currency, occurred_at, settled, payout, id
      from unnest(%(ids)s::uuid[], %(line_ids)s::text[], %(kinds)s::text[], %(reference_kinds)s::text[],
        %(reference_values)s::text[], %(amounts)s::bigint[], %(currencies)s::text[], %(fees)s::bigint[], %(nets)s::bigint[],
        %(paid_amounts)s::bigint[], %(paid_currencies)s::text[], %(times)s::timestamptz[], %(settled)s::boolean[],
        %(payouts)s::text[])
        as t (id, line_id, kind, reference_kinds, reference_values, amount, currency, fee, net, paid_amount, paid_currency,
              occurred_at, settled, payout)
), compared as (
    select l.id as known_id, l.settled as was_settled, g.*,
           l.settled and (
               (l.amount, l.currency, l.fee, l.net) is distinct from (g.amount, g.currency::char(3), g.fee, g.net)
               or (l.paid_currency is not null and g.paid_currency is not null
                   and (l.paid_amount, l.paid_currency) is distinct from (g.paid_amount, g.paid_currency::char(3))))
               as contradicts
      from given g join settlement_lines l on l.account_id = %(account_id)s and l.line_id = g.line_id
     where g.settled or not l.settled
), changed as (
    update settlement_lines l
       set kind = case when c.was_settled then l.kind else c.kind end,
           reference_kinds = c.reference_kinds, reference_values = c.reference_values,
           amount = case when c.was_settled then l.amount else c.amount end,
           currency = case when c.was_settled then l.currency else c.currency end,
           fee = case when c.was_settled then l.fee else c.fee end,
           net = case when c.was_settled then l.net else c.net end,
           paid_amount = case when c.was_settled then coalesce(l.paid_amount, c.paid_amount) else c.paid_amount end,
           paid_currency = case when c.was_settled then coalesce(l.paid_currency, c.paid_currency)
                                else c.paid_currency end,
           occurred_at = case when c.was_settled then l.occurred_at else c.occurred_at end,
           settled = c.settled, payout = coalesce(c.payout, l.payout), contradiction = t.contradiction
      from compared c,
           lateral (select case when c.contradicts then jsonb_build_object(
               'amount', c.amount, 'currency', c.currency, 'fee', c.fee, 'net', c.net,
               'paid_amount', c.paid_amount, 'paid_currency', c.paid_currency) end as contradiction) t
     where l.id = c.known_id
       and (l.settled, l.payout, l.reference_kinds, l.reference_values, l.contradiction)
           is distinct from
           (c.settled, coalesce(c.payout, l.payout), c.reference_kinds, c.reference_values, t.contradiction)
        or l.id = c.known_id and c.was_settled and l.paid_amount is null and c.paid_amount is not null
        or l.id = c.known_id and not c.was_settled
       and (l.kind, l.amount, l.currency, l.fee, l.net, l.paid_amount, l.paid_currency, l.occurred_at)
           is distinct from
           (c.kind, c.amount, c.currency::char(3), c.fee, c.net, c.paid_amount, c.paid_currency::char(3), c.occurred_at)
    returning 1
), added as (
    insert into settlement_lines (id, account_id, line_id, kind, reference_kinds, reference_values, amount, currency, fee,
                                  net, paid_amount, paid_currency, occurred_at, settled, payout, import_id)
    select g.id, %(account_id)s, g.line_id, g.kind, g.reference_kinds, g.reference_values, g.amount, g.currency, g.fee,
           g.net, g.paid_amount, g.paid_currency, g.occurred_at, g.settled, g.payout, %(import_id)s
      from given g
     where not exists (select from settlement_lines l where l.account_id = %(account_id)s and l.line_id = g.line_id)
    returning 1
)
select (select count(*) from added) as added, (select count(*) from changed) as changed;

-- insert_settlement_import --
insert into settlement_imports (id, account_id, file_name, sha256, read, added, changed, imported_by)
values (%(id)s, %(account_id)s, %(file_name)s, ''::bytea, 0, 0, 0, %(imported_by)s);

-- finish_settlement_import --
update settlement_imports set sha256 = %(sha256)s, read = %(read)s, added = %(added)s, changed = %(changed)s
 where id = %(id)s;

-- add_settlement_coverage --
insert into settlement_coverage (account_id, covered)
values (%(account_id)s, tstzmultirange(tstzrange(%(since)s, %(until)s)))
    on conflict (account_id) do update set covered = settlement_coverage.covered + excluded.covered;

-- read_settlement_coverage --
select lower(r.range) as since, upper(r.range) as until
  from settlement_coverage c cross join lateral unnest(c.covered) as r (range) where c.account_id = %(account_id)s order by 1;

-- list_settlement_lines --
-- The newest by the time at which they were stored. Parameters are put in by the client.
select l.*, a.provider, a.name as account from settlement_lines l join provider_accounts a on a.id = l.account_id
 where l.id < %(below)s and l.account_id = %(account_id)s
   and (%(kind)s is null or l.kind = %(kind)s)
   and (%(transaction_id)s is null or l.transaction_id = %(transaction_id)s)
   and (%(unmatched)s is null
        or %(unmatched)s and l.transaction_id is null and l.kind in ('payment', 'refund', 'chargeback'))
 order by l.id desc limit %(limit)s;

-- list_settlement_imports --
select i.*, a.provider, a.name as account from settlement_imports i join provider_accounts a on a.id = i.account_id
 where i.id < %(below)s and (%(account_id)s is null or i.account_id = %(account_id)s)
 order by i.id desc limit %(limit)s;

-- resolve_settlement_lines --
-- Note whose lines these are: of a refund that they name, else of the transaction that the surest name stands for. One
-- page of those that belong to nothing known so far.
with page as (
    select id, occurred_at, reference_kinds, reference_values from settlement_lines
     where account_id = %(account_id)s and transaction_id is null and kind in ('payment', 'refund', 'chargeback')
       and occurred_at >= %(since)s and occurred_at < %(until)s and (occurred_at, id) > (%(after_at)s, %(after_id)s)
     order by occurred_at, id limit %(limit)s
), named as (
    select p.id, n.place, coalesce(f.id, g.id) as refund_id,
           coalesce(f.transaction_id, g.transaction_id, r.transaction_id) as transaction_id
      from page p
     cross join lateral unnest(p.reference_kinds, p.reference_values) with ordinality as n (kind, value, place)
      left join refunds f on f.account_id = %(account_id)s and f.id = case
           when n.kind = 'refund' and n.value ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then n.value::uuid end
      left join refunds g on g.account_id = %(account_id)s and g.reference = n.value and n.kind = %(refund_reference)s
      left join provider_references r on r.account_id = %(account_id)s and r.kind = n.kind and r.value = n.value
), found as (
    select distinct on (id) id, transaction_id, refund_id from named
     where transaction_id is not null order by id, refund_id is null, place
), matched as (
    update settlement_lines l set transaction_id = f.transaction_id, refund_id = f.refund_id
      from found f where l.id = f.id
)
select occurred_at, id from page order by occurred_at, id;

-- list_transactions_to_match --
select id, account_id, created_at from transactions
 where merchant_id = %(merchant_id)s and created_at >= %(since)s and created_at < %(until)s
   and (created_at, id) > (%(after_at)s, %(after_id)s)
 order by created_at, id limit %(limit)s;

-- read_transactions_to_match --
-- Both sides of each in one moment. `captured_at` and so on: when we learned of the present figure. In flight: an event of
-- it is to be tried again, or a refund, cancellation or capture has come to no end. Not asked with `exists` or a
-- join: the planner may then read the events of all transactions, once, instead of each one's own.
select t.id, t.account_id, t.state, t.currency, t.captured, t.refunded, t.dispute, t.version, t.created_at,
       t.paid_attempt_id, h.captured_at, h.refunded_at, h.disputed_at,
       t.resolve_due_at is not null
       or coalesce((select true from refunds r where r.transaction_id = t.id
                       and (r.reserved > 0 or r.state in ('requested', 'unknown', 'pending')) limit 1), false)
       or coalesce((select true from transaction_events e where e.transaction_id = t.id
                       and (select next_attempt_at is not null from unfinished_events u
                             where u.event_row_id = e.event_row_id) limit 1), false) as in_flight,
       (select json_agg(r) from (
           select id, amount, state, created_at, updated_at as ended_at from refunds
            where transaction_id = t.id and account_id = %(account_id)s order by id) r) as refunds,
       (select json_agg(l) from (
           select id, line_id, kind, reference_kinds, reference_values, amount, currency, fee, net, paid_amount,
                  paid_currency, occurred_at, settled, payout, contradiction, refund_id
             from settlement_lines where transaction_id = t.id and account_id = %(account_id)s) l) as lines
  from transactions t
  left join lateral (
      select coalesce(max(version) filter (where captured = 0), -1) as unpaid,
             coalesce(max(version) filter (where refunded <> t.refunded), -1) as refunded_else,
             coalesce(max(version) filter (where dispute is distinct from t.dispute), -1) as disputed_else
        from transaction_history where transaction_id = t.id) v on true
  left join lateral (
      select min(created_at) filter (where version > v.unpaid) as captured_at,
             min(created_at) filter (where version > v.refunded_else) as refunded_at,
             min(created_at) filter (where version > v.disputed_else) as disputed_at
        from transaction_history where transaction_id = t.id) h on true
 where t.id = any (%(ids)s::uuid[]);

-- list_moved_transactions --
-- Those of which something has changed since they were read.
select t.id from unnest(%(ids)s::uuid[], %(versions)s::integer[]) as given (id, version)
  join transactions t on t.id = given.id where t.version <> given.version;

-- list_lines_to_match --
select l.*, t.account_id as held_by, t.created_at as transaction_created_at
  from settlement_lines l left join transactions t on t.id = l.transaction_id
 where l.account_id = %(account_id)s and l.occurred_at >= %(since)s and l.occurred_at < %(until)s
   and (l.occurred_at, l.id) > (%(after_at)s, %(after_id)s)
 order by l.occurred_at, l.id limit %(limit)s;

-- insert_fee_agreement --
insert into fee_agreements (id, account_id, currency, valid_from, percent_ppm, fixed, tax_ppm, tolerance, agreed_by)
values (%(id)s, %(account_id)s, %(currency)s, %(valid_from)s, %(percent_ppm)s, %(fixed)s, %(tax_ppm)s, %(tolerance)s,
        %(agreed_by)s);

-- list_fee_agreements --
-- All of an account, the one that counts first within each currency.
select currency, valid_from, percent_ppm, fixed, tax_ppm, tolerance, agreed_by, created_at from fee_agreements
 where account_id = %(account_id)s order by currency, valid_from desc, id desc;
