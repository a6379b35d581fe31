-- insert_transaction --
insert into transactions (id, merchant_id, account_id, provider, order_reference, state, amount, currency, description,
                          customer_name, customer_email, metadata, success_url, failure_url, expires_at, created_at,
                          pull_due_at)
values (%(id)s, %(merchant_id)s, %(account_id)s, %(provider)s, %(order_reference)s, 'pending', %(amount)s, %(currency)s,
        %(description)s, %(customer_name)s, %(customer_email)s, %(metadata)s, %(success_url)s, %(failure_url)s,
        %(expires_at)s, %(now)s, now() + make_interval(secs => %(pull_in_s)s));

-- read_transaction --
select t.*, now() as read_at from transactions t where id = %(id)s;

-- lock_transaction --
select * from transactions where id = %(id)s for update;

-- change_transaction --
-- Every change of money or state; the history rows go with it in one transaction.
update transactions
   set state = %(state)s, captured = %(captured)s, refunded = %(refunded)s, dispute = %(dispute)s,
       provider_status = coalesce(%(provider_status)s, provider_status), version = %(version)s, updated_at = now(),
       paid_attempt_id = coalesce(%(paid_attempt_id)s, paid_attempt_id),
       pull_due_at = case when %(state)s in ('pending', 'authorized')
                          then coalesce(pull_due_at, now() + interval '5 minutes')
                          when %(state)s in ('failed', 'expired', 'cancelled') then late_pull_due(expires_at) end
 where id = %(id)s;

-- count_answer --
update transactions set answers = answers + 1 where id = %(id)s;

-- pull_soon --
update transactions set pull_due_at = now() where id = %(id)s;

-- insert_history --
insert into transaction_history (id, transaction_id, version, state, implied, captured, refunded, dispute, evidence,
                                 evidence_id, provider_status, alert)
values (%(id)s, %(transaction_id)s, %(version)s, %(state)s, %(implied)s, %(captured)s, %(refunded)s, %(dispute)s,
        %(evidence)s, %(evidence_id)s, %(provider_status)s, %(alert)s);

-- insert_notification --
insert into merchant_notifications (id, merchant_id, transaction_id, version, kind, body)
values (%(id)s, %(merchant_id)s, %(transaction_id)s, %(version)s, %(kind)s, %(body)s);

-- list_history --
select version, state, implied, captured, refunded, dispute, evidence, evidence_id, provider_status, alert, created_at
  from transaction_history where transaction_id = %(id)s order by version;

-- insert_attempt --
with inserted as (
    insert into attempts (id, transaction_id, number, expires_at, created_at)
    values (%(id)s, %(transaction_id)s, %(number)s, %(expires_at)s, %(now)s)
)
update transactions set attempt_id = %(id)s where id = %(transaction_id)s;

-- list_attempts --
select id, number, outcome, error, failure_stored, checkout_url, expires_at, created_at, finished_at
  from attempts where transaction_id = %(id)s order by number;

-- finish_attempt --
update attempts
   set outcome = %(outcome)s, error = %(error)s, failure_stored = %(failure_stored)s, checkout_url = %(checkout_url)s,
       expires_at = coalesce(%(expires_at)s, expires_at), finished_at = now()
 where id = %(id)s and (outcome is null or outcome = 'unknown');

-- lock_references --
-- Whoever adds or parks on a reference takes these first, in one order.
select pg_advisory_xact_lock(k)
  from (select distinct hashtextextended(%(account_id)s::text || ' ' || kind || ' ' || value, 0) as k
          from unnest(%(kinds)s::text[], %(values)s::text[]) as t (kind, value) order by 1) keys;

-- find_by_references --
select r.kind, r.value, r.transaction_id
  from provider_references r join unnest(%(kinds)s::text[], %(values)s::text[]) as t (kind, value)
       on r.kind = t.kind and r.value = t.value
 where r.account_id = %(account_id)s;

-- add_references --
insert into provider_references (account_id, kind, value, transaction_id)
select %(account_id)s, kind, value, %(transaction_id)s from unnest(%(kinds)s::text[], %(values)s::text[]) as t (kind, value)
    on conflict on constraint provider_references_pkey do nothing
returning kind, value;

-- list_references --
select kind, value from provider_references where transaction_id = %(id)s order by created_at desc, kind, value;

-- list_due_pulls --
-- What is to be asked about: a merchant's every open transaction, or all that are due.
select id, account_id, pull_due_at, expires_at from transactions
 where pull_due_at is not null
   and case when %(merchant_id)s::uuid is null then pull_due_at <= now() else merchant_id = %(merchant_id)s end
 order by pull_due_at limit %(limit)s;

-- claim_pull --
-- Push the due time on just before asking, unless another did meanwhile. An open transaction is asked about at growing
-- distances, and once soon after its page's end; one that ended without money a few times after that end.
update transactions
   set pulls = pulls + 1,
       pull_due_at = case
           when state in ('pending', 'authorized') then least(
               now() + make_interval(secs => least(%(first_s)s * power(2, least(pulls, 20)), %(last_s)s)),
               case when expires_at > now() then late_pull_due(expires_at) end)
           else late_pull_due(expires_at) end
 where id = %(id)s and pull_due_at = %(pull_due_at)s
returning id;

-- postpone_pull --
-- The provider gave no answer, so this was no question either.
update transactions
   set pulls = greatest(pulls - 1, 0), pull_due_at = now() + make_interval(secs => %(delay_s)s)
 where id = %(id)s and pull_due_at is not null;

-- end_pulls --
-- Asked because something had moved meanwhile; nothing is left to ask of a transaction that has its money.
update transactions set pull_due_at = null
 where id = %(id)s and state not in ('pending', 'authorized', 'failed', 'expired', 'cancelled');

-- insert_run --
insert into reconciliation_runs (id, merchant_id) values (%(id)s, %(merchant_id)s);

-- finish_run --
update reconciliation_runs
   set state = %(state)s, checked = %(checked)s, changed = %(changed)s, failed = %(failed)s, finished_at = now()
 where id = %(id)s
returning id, state, checked, changed, failed, started_at, finished_at;
