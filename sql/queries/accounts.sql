-- list_new_account_names --
-- Those that a read of all names a minute ago may not have seen.
select provider, name, id, has_short_address from provider_accounts where created_at > now() - interval '3 minutes';

-- list_account_names --
select id, provider, name, has_short_address from provider_accounts;

-- find_account_by_name --
select id from provider_accounts where provider = %(provider)s and name = %(name)s;

-- find_merchant_account --
-- For new checkouts: no other account stands in for a default one that is disabled.
select id, merchant_id, provider, name from provider_accounts
 where merchant_id = %(merchant_id)s and provider = %(provider)s and is_default and disabled_at is null;

-- read_account --
select id, merchant_id, provider, name from provider_accounts where id = %(id)s;

-- list_live_credentials --
select id, field, sealed, master_key_id from account_credentials
 where account_id = %(account_id)s and retired_at is null order by created_at desc, id desc;

-- insert_account --
-- The first account of a merchant at a provider is its default, whatever else is wanted.
insert into provider_accounts (id, merchant_id, provider, name, is_default, has_short_address, disabled_at)
select %(id)s, %(merchant_id)s, %(provider)s, %(name)s,
       not exists (select from provider_accounts
                    where merchant_id = %(merchant_id)s and provider = %(provider)s and is_default),
       %(has_short_address)s, case when %(disabled)s then now() end;

-- list_accounts --
-- The newest first. Parameters are put in by the client, so that a filter that is not given costs nothing.
select * from provider_accounts
 where id < %(below)s and (%(id)s is null or id = %(id)s)
   and (%(merchant_id)s is null or merchant_id = %(merchant_id)s) and (%(provider)s is null or provider = %(provider)s)
 order by id desc limit %(limit)s;

-- lock_account --
-- Not against who only refers to it: intake does.
select * from provider_accounts where id = %(id)s for no key update;

-- drop_default_account --
update provider_accounts set is_default = false
 where merchant_id = %(merchant_id)s and provider = %(provider)s and is_default;

-- make_default_account --
update provider_accounts set is_default = true where id = %(id)s;

-- set_account_disabled --
update provider_accounts set disabled_at = case when %(disabled)s then coalesce(disabled_at, now()) end where id = %(id)s;

-- list_live_credential_use --
-- The live secrets of some accounts, the newest of a field first, with what each verified. Never a value.
select c.id, c.account_id, c.field, c.created_at, coalesce(sum(l.new + l.redelivered), 0)::bigint as webhooks_verified,
       max(l.last_at) as last_used_at
  from account_credentials c left join intake_ledger l on l.credential_id = c.id
 where c.account_id = any (%(account_ids)s::uuid[]) and c.retired_at is null
 group by c.id order by c.account_id, c.field, c.created_at desc, c.id desc;

-- insert_credential --
insert into account_credentials (id, account_id, field, sealed, master_key_id)
values (%(id)s, %(account_id)s, %(field)s, %(sealed)s, %(master_key_id)s);

-- retire_credential --
update account_credentials set retired_at = now() where id = %(id)s;

-- lock_credentials_to_reseal --
-- Retired ones too: they verify what is stored. Two that reseal at once skip each other's rows.
select c.id, c.account_id, c.field, c.sealed, c.master_key_id, a.merchant_id
  from account_credentials c join provider_accounts a on a.id = c.account_id
 where c.master_key_id <> %(active)s and c.id > %(after)s
 order by c.id limit %(limit)s for no key update of c skip locked;

-- reseal_credential --
update account_credentials set sealed = %(sealed)s, master_key_id = %(master_key_id)s where id = %(id)s;

-- count_credentials_by_master_key --
select master_key_id, count(*) as credentials from account_credentials group by 1 order by 1;
