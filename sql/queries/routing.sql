-- read_routing --
-- A merchant's newest rules, its accounts, and of these one of each provider, for checkouts without rules.
select m.id as merchant_id, m.name as merchant, coalesce(r.version, 0) as version, coalesce(r.rules, '[]') as rules,
       r.changed_by, r.changed_at, coalesce(a.accounts, '{}') as accounts, coalesce(a.defaults, '{}') as defaults
  from merchants m
  left join lateral (select * from routing_rules where merchant_id = m.id order by version desc limit 1) r on true
  left join lateral (
      select array_agg(id) as accounts, array_agg(id order by created_at, id) filter (where chosen) as defaults
        from (select id, created_at,
                     row_number() over (partition by provider order by is_default desc, created_at) = 1 as chosen
                from provider_accounts where merchant_id = m.id and disabled_at is null) own
  ) a on true
 where m.id = %(merchant_id)s::uuid;

-- insert_routing --
-- The version after the newest. Two at once: the later one breaks routing_rules_pkey.
insert into routing_rules (merchant_id, version, rules, changed_by)
select %(merchant_id)s, coalesce(max(version), 0) + 1, %(rules)s, %(changed_by)s
  from routing_rules where merchant_id = %(merchant_id)s
returning version;

-- find_merchant --
select id from merchants where id::text = %(name)s or name = %(name)s order by id::text = %(name)s desc limit 1;

-- list_accounts_of_merchant --
select id, provider, name, is_default from provider_accounts where merchant_id = %(merchant_id)s order by provider, name;
