-- claim_unknown_attempt --
-- One of the checkouts whose call died or had no clear answer. Its due time is pushed on before anybody asks, further
-- each time. Whom a run does not ask is left as it is: `providers` are those it asks, without the accounts in `left`.
with due as (
    select a.id, a.account_id, p.provider from attempts a join provider_accounts p on p.id = a.account_id
     where a.resolve_due_at <= now()
       and p.provider = any (%(providers)s::text[]) and a.account_id <> all (%(left)s::uuid[])
     order by a.resolve_due_at limit 1 for update of a skip locked
)
update attempts a
   set resolve_tries = a.resolve_tries + 1,
       resolve_due_at = now() + make_interval(secs => least(60 * power(2, least(a.resolve_tries, 20)), %(last_s)s))
  from due where a.id = due.id
returning a.id, a.transaction_id, due.account_id, due.provider, a.resolve_tries as tries;

-- claim_unsettled_refund --
-- One of the refunds without an answer, and of those whose end the provider's figures do not show yet.
with due as (
    select r.id, r.account_id, p.provider from refunds r join provider_accounts p on p.id = r.account_id
     where r.resolve_due_at <= now()
       and p.provider = any (%(providers)s::text[]) and r.account_id <> all (%(left)s::uuid[])
     order by r.resolve_due_at limit 1 for update of r skip locked
)
update refunds r
   set resolve_tries = r.resolve_tries + 1,
       resolve_due_at = now() + make_interval(secs => least(60 * power(2, least(r.resolve_tries, 20)), %(last_s)s))
  from due where r.id = due.id
returning r.id, r.transaction_id, due.account_id, due.provider, r.resolve_tries as tries;

-- claim_unfinished_order --
-- One of the transactions that are to be cancelled or captured, and are neither. Whether there is a page to cancel is
-- found out first.
with due as (
    select t.id from transactions t
     where t.resolve_due_at <= now()
       and t.provider = any (%(providers)s::text[]) and t.account_id <> all (%(left)s::uuid[])
       and not (t.state = 'pending' and exists (
           select from attempts a where a.transaction_id = t.id and a.resolve_due_at is not null))
     order by t.resolve_due_at limit 1 for update of t skip locked
)
update transactions t
   set resolve_tries = t.resolve_tries + 1,
       resolve_due_at = now() + make_interval(secs => least(60 * power(2, least(t.resolve_tries, 20)), %(last_s)s))
  from due where t.id = due.id
returning t.id, t.id as transaction_id, t.account_id, t.provider, t.resolve_tries as tries;

-- give_try_back --
-- What was claimed, of whichever kind, was not asked. It is due all the same, after those that wait longer.
with attempt as (
    update attempts set resolve_tries = greatest(resolve_tries - 1, 0), resolve_due_at = now()
     where id = %(id)s and resolve_due_at is not null
), refund as (
    update refunds set resolve_tries = greatest(resolve_tries - 1, 0), resolve_due_at = now()
     where id = %(id)s and resolve_due_at is not null
)
update transactions set resolve_tries = greatest(resolve_tries - 1, 0), resolve_due_at = now()
 where id = %(id)s and resolve_due_at is not null;

-- request_cancel --
-- Done before the provider is asked, which resolve_unknown goes on with.
update transactions
   set cancel_requested_at = coalesce(cancel_requested_at, %(now)s), resolve_due_at = now() + interval '1 minute',
       resolve_tries = 0
 where id = %(id)s
returning cancel_requested_at;

-- request_capture --
update transactions
   set capture_requested = %(amount)s, resolve_due_at = now() + interval '1 minute', resolve_tries = 0
 where id = %(id)s;

-- note_capture_call --
-- Before the provider is called: who dies then leaves a call that may have captured.
update transactions t
   set capture_called_at = clock_timestamp()
  from (select capture_called_at as before from transactions where id = %(id)s) old
 where t.id = %(id)s
returning t.capture_called_at as began_at, old.before,
          extract(epoch from t.capture_called_at - old.before)::float8 as quiet_s;

-- take_back_capture_call --
-- It surely captured nothing. What began before it without a clear answer may have.
update transactions set capture_called_at = %(before)s
 where id = %(id)s and capture_called_at = %(began_at)s
returning id;

-- forget_capture --
-- Surely no call has captured.
update transactions set capture_requested = null, capture_called_at = null, resolve_due_at = null where id = %(id)s;

-- resolve_soon --
-- What is under way with a transaction's newest attempt is looked at as soon as resolve_unknown runs.
update attempts set resolve_due_at = now()
 where transaction_id = %(transaction_id)s and resolve_due_at is not null;

-- is_unresolved --
-- Whether a person should know. A provider may take days for a refund that it has taken.
select exists (select from attempts where id = %(id)s and resolve_due_at is not null)
    or exists (select from refunds where id = %(id)s and resolve_due_at is not null
                  and (state <> 'pending' or created_at < now() - interval '7 days'))
    or exists (select from transactions where id = %(id)s and resolve_due_at is not null) as unresolved;
