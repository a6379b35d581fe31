-- upsert_merchant --
insert into merchants (id, name) values (%(id)s, %(name)s)
    on conflict on constraint merchants_name_unique do update set name = excluded.name
returning id;

-- insert_merchant --
insert into merchants (id, name) values (%(id)s, %(name)s);

-- list_merchants --
-- The newest first.
select * from merchants where id < %(below)s and (%(id)s is null or id = %(id)s) order by id desc limit %(limit)s;

-- lock_merchant --
-- Not against who only refers to it: checkouts do.
select * from merchants where id = %(id)s for no key update;

-- rename_merchant --
update merchants set name = %(name)s where id = %(id)s;

-- set_merchant_suspended --
update merchants set suspended_at = case when %(suspended)s then now() end where id = %(id)s;

-- take_operator_request --
-- No row comes back when the key was used before. Who uses it at this moment is waited for.
insert into operator_requests (made_by, key, fingerprint) values (%(made_by)s, %(key)s, %(fingerprint)s)
    on conflict on constraint operator_requests_pkey do nothing
returning key;

-- read_operator_request --
select fingerprint, answer from operator_requests where made_by = %(made_by)s and key = %(key)s;

-- finish_operator_request --
update operator_requests set answer = %(answer)s where made_by = %(made_by)s and key = %(key)s;

-- delete_old_operator_requests --
delete from operator_requests where created_at < now() - make_interval(hours => %(hours)s);

-- insert_audit --
insert into operator_audit (id, made_by, action, subject_id, merchant_id, details)
values (%(id)s, %(made_by)s, %(action)s, %(subject_id)s, %(merchant_id)s, %(details)s);

-- list_audit --
-- The newest first. Parameters are put in by the client, so that a filter that is not given costs nothing.
select * from operator_audit
 where id < %(below)s and (%(subject_id)s is null or subject_id = %(subject_id)s)
   and (%(merchant_id)s is null or merchant_id = %(merchant_id)s)
 order by id desc limit %(limit)s;
