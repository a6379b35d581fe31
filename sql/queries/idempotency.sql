-- take_key --
-- Take the lease of a new key. No row comes back when the key exists.
insert into idempotency_keys (merchant_id, operation, key, fingerprint, locked_until)
values (%(merchant_id)s, %(operation)s, %(key)s, %(fingerprint)s, now() + make_interval(secs => %(lease_s)s))
    on conflict on constraint idempotency_keys_pkey do nothing
returning fence;

-- lock_key --
select fingerprint, fence, recovery_point, transaction_id, response_status, response_body, locked_until > now() as leased,
       ceil(extract(epoch from locked_until - now()))::integer as leased_s
  from idempotency_keys
 where merchant_id = %(merchant_id)s and operation = %(operation)s and key = %(key)s
   for update;

-- name_transaction --
update idempotency_keys set transaction_id = %(transaction_id)s
 where merchant_id = %(merchant_id)s and operation = %(operation)s and key = %(key)s;

-- take_over_key --
update idempotency_keys set locked_until = now() + make_interval(secs => %(lease_s)s), fence = fence + 1
 where merchant_id = %(merchant_id)s and operation = %(operation)s and key = %(key)s
returning fence;

-- release_key --
update idempotency_keys set locked_until = now()
 where merchant_id = %(merchant_id)s and operation = %(operation)s and key = %(key)s;

-- finish_key --
update idempotency_keys
   set recovery_point = 'finished', response_status = %(status)s, response_body = %(body)s, locked_until = now()
 where merchant_id = %(merchant_id)s and operation = %(operation)s and key = %(key)s;

-- delete_old_keys --
delete from idempotency_keys where created_at < now() - make_interval(hours => %(hours)s);
