-- find_api_key --
select k.id, k.merchant_id, k.key_hash, k.pepper_id, k.scopes
  from api_keys k
 where k.prefix = %(prefix)s and k.revoked_at is null and (k.expires_at is null or k.expires_at > now());

-- find_operator_key --
select k.id, k.key_hash, k.pepper_id, k.scopes
  from operator_keys k
 where k.prefix = %(prefix)s and k.revoked_at is null and (k.expires_at is null or k.expires_at > now());

-- list_new_account_names --
-- Those that a read of all names a minute ago may not have seen.
select provider, name, id, is_default from provider_accounts where created_at > now() - interval '3 minutes';

-- list_account_names --
select id, provider, name, is_default from provider_accounts;

-- find_account_by_name --
select id from provider_accounts where provider = %(provider)s and name = %(name)s;

-- find_merchant_account --
select id, merchant_id, provider, name from provider_accounts
 where merchant_id = %(merchant_id)s and provider = %(provider)s
 order by is_default desc, created_at limit 1;

-- read_account --
select id, merchant_id, provider, name from provider_accounts where id = %(id)s;

-- list_live_credentials --
select id, field, sealed, master_key_id from account_credentials
 where account_id = %(account_id)s and retired_at is null order by created_at desc, id desc;

-- upsert_merchant --
insert into merchants (id, name) values (%(id)s, %(name)s)
    on conflict on constraint merchants_name_unique do update set name = excluded.name
returning id;

-- insert_api_key --
insert into api_keys (id, merchant_id, prefix, key_hash, pepper_id, scopes)
values (%(id)s, %(merchant_id)s, %(prefix)s, %(key_hash)s, %(pepper_id)s, %(scopes)s)
    on conflict on constraint api_keys_prefix_unique do nothing;

-- insert_operator_key --
insert into operator_keys (id, prefix, key_hash, pepper_id, scopes)
values (%(id)s, %(prefix)s, %(key_hash)s, %(pepper_id)s, %(scopes)s)
    on conflict on constraint operator_keys_prefix_unique do nothing;

-- insert_account --
insert into provider_accounts (id, merchant_id, provider, name, is_default)
values (%(id)s, %(merchant_id)s, %(provider)s, %(name)s, %(is_default)s)
    on conflict on constraint provider_accounts_name_unique do nothing;

-- insert_credential --
insert into account_credentials (id, account_id, field, sealed, master_key_id)
values (%(id)s, %(account_id)s, %(field)s, %(sealed)s, %(master_key_id)s);

-- retire_credential --
update account_credentials set retired_at = now() where id = %(id)s;
