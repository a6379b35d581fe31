-- find_api_key --
select k.id, k.merchant_id, k.key_hash, k.pepper_id, k.scopes, m.suspended_at is not null as suspended
  from api_keys k join merchants m on m.id = k.merchant_id
 where k.prefix = %(prefix)s and k.revoked_at is null and (k.expires_at is null or k.expires_at > now());

-- find_operator_key --
select k.id, null::uuid as merchant_id, k.key_hash, k.pepper_id, k.scopes, false as suspended
  from operator_keys k
 where k.prefix = %(prefix)s and k.revoked_at is null and (k.expires_at is null or k.expires_at > now());

-- insert_api_key --
insert into api_keys (id, merchant_id, prefix, key_hash, pepper_id, name, scopes, expires_at)
values (%(id)s, %(merchant_id)s, %(prefix)s, %(key_hash)s, %(pepper_id)s, %(name)s, %(scopes)s, %(expires_at)s)
    on conflict on constraint api_keys_prefix_unique do nothing;

-- insert_operator_key --
insert into operator_keys (id, prefix, key_hash, pepper_id, name, scopes, expires_at)
values (%(id)s, %(prefix)s, %(key_hash)s, %(pepper_id)s, %(name)s, %(scopes)s, %(expires_at)s)
    on conflict on constraint operator_keys_prefix_unique do nothing;

-- list_keys --
-- The newest first. Parameters are put in by the client, so that a filter that is not given costs nothing.
select * from key_overview
 where id < %(below)s and (%(id)s is null or id = %(id)s)
   and (%(merchant_id)s is null or merchant_id = %(merchant_id)s)
   and (%(operator)s is null or (merchant_id is null) = %(operator)s)
   and (%(state)s is null or state = %(state)s) and (%(pepper)s is null or pepper_id = %(pepper)s)
 order by id desc limit %(limit)s;

-- lock_keys_of_operators --
-- Those that let a person make further keys, now and for a day to come.
select id, prefix, pepper_id from operator_keys
 where 'merchants:write' = any (scopes) and revoked_at is null
   and (expires_at is null or expires_at > now() + interval '1 day')
 order by id for update;

-- lock_api_key --
-- It is in one of the two tables.
with own as (select id from api_keys where id = %(id)s for update),
     operators as (select id from operator_keys where id = %(id)s for update)
select id from own union all select id from operators;

-- revoke_key --
with own as (update api_keys set revoked_at = now() where id = %(id)s)
update operator_keys set revoked_at = now() where id = %(id)s;

-- succeed_key --
-- The old key ends when the overlap does, or before.
with own as (
    update api_keys set successor_id = %(successor_id)s,
                        expires_at = least(expires_at, now() + make_interval(hours => %(overlap_hours)s))
     where id = %(id)s
)
update operator_keys set successor_id = %(successor_id)s,
                         expires_at = least(expires_at, now() + make_interval(hours => %(overlap_hours)s))
 where id = %(id)s;

-- touch_api_keys --
-- Waits for nobody: a key that is being changed is noted the next time. One statement, for it commits itself: on Lambda
-- a process may be frozen behind it.
with used as (
    select k.id, t.key_hash
      from api_keys k join unnest(%(ids)s::uuid[], %(hashes)s::bytea[]) as t (id, key_hash) using (id)
     order by k.id for no key update of k skip locked
)
update api_keys k
   set last_used_at = now(), key_hash = coalesce(u.key_hash, k.key_hash),
       pepper_id = case when u.key_hash is null then k.pepper_id else %(pepper_id)s end
  from used u where k.id = u.id;

-- touch_operator_keys --
-- The same for the other table.
with used as (
    select k.id, t.key_hash
      from operator_keys k join unnest(%(ids)s::uuid[], %(hashes)s::bytea[]) as t (id, key_hash) using (id)
     order by k.id for no key update of k skip locked
)
update operator_keys k
   set last_used_at = now(), key_hash = coalesce(u.key_hash, k.key_hash),
       pepper_id = case when u.key_hash is null then k.pepper_id else %(pepper_id)s end
  from used u where k.id = u.id;
