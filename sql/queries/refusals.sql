-- add_refusals --
-- Arrays of one length. Sorted, so that processes whose shard is the same take the rows in one order.
insert into webhook_refusals as r (account_id, provider, reason, shard, refused)
select account_id, provider, reason, %(shard)s, refused
  from unnest(%(account_ids)s::uuid[], %(providers)s::text[], %(reasons)s::text[], %(refused)s::bigint[])
       as t (account_id, provider, reason, refused)
 order by account_id nulls first, provider, reason
    on conflict on constraint webhook_refusals_unique
    do update set refused = r.refused + excluded.refused, last_at = now();

-- read_refusal_totals --
-- No account can have the name `-`.
select r.provider, coalesce(a.name, '-') as account, r.reason, sum(r.refused)::bigint as refused
  from webhook_refusals r left join provider_accounts a on a.id = r.account_id
 group by 1, 2, 3 order by 1, 2, 3;
