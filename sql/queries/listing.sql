-- find_by_time --
-- These find a merchant's transactions in the order of its list, the newest first, each by one filter and its index.
-- Parameters are put in by the client: a plan for any value at all would not be one for this merchant's figures.
select created_at, id from transactions
 where merchant_id = %(merchant_id)s
   and created_at >= %(since)s and (created_at, id) < (%(before_at)s, %(before_id)s::uuid)
 order by created_at desc, id desc limit %(limit)s;

-- find_by_facet --
-- By any of provider, currency and states. A merchant has few different threes of them: the index is asked for each
-- three in turn, and then for the newest of each that is wanted.
with recursive facet as (
    (select provider, currency, state from transactions where merchant_id = %(merchant_id)s
      order by provider, currency, state limit 1)
    union all
    select successor.provider, successor.currency, successor.state
      from facet f
     cross join lateral (
        select provider, currency, state from transactions
         where merchant_id = %(merchant_id)s and (provider, currency, state) > (f.provider, f.currency, f.state)
         order by provider, currency, state limit 1) successor
)
select newest.created_at, newest.id
  from facet f
 cross join lateral (
    select created_at, id from transactions t
     where t.merchant_id = %(merchant_id)s
       and t.provider = f.provider and t.currency = f.currency and t.state = f.state
       and created_at >= %(since)s and (created_at, id) < (%(before_at)s, %(before_id)s::uuid)
     order by created_at desc, id desc limit %(limit)s) newest
 where (%(provider)s is null or f.provider = %(provider)s) and (%(currency)s is null or f.currency = %(currency)s)
   and (%(states)s is null or f.state = any (%(states)s::text[]))
 order by newest.created_at desc, newest.id desc limit %(limit)s;

-- find_by_reference --
select created_at, id from transactions
 where merchant_id = %(merchant_id)s and order_reference = %(order_reference)s
   and created_at >= %(since)s and (created_at, id) < (%(before_at)s, %(before_id)s::uuid)
 order by created_at desc, id desc limit %(limit)s;

-- find_by_amount --
select created_at, id from transactions
 where merchant_id = %(merchant_id)s and currency = %(currency)s and amount = %(amount)s
   and created_at >= %(since)s and (created_at, id) < (%(before_at)s, %(before_id)s::uuid)
 order by created_at desc, id desc limit %(limit)s;

-- find_by_metadata --
select created_at, transaction_id as id from transaction_metadata
 where merchant_id = %(merchant_id)s and entry = hashtextextended(%(entry)s, 0)
   and created_at >= %(since)s and (created_at, transaction_id) < (%(before_at)s, %(before_id)s::uuid)
 order by created_at desc, transaction_id desc limit %(limit)s;

-- count_amounts --
-- How many lie within a range, counted no further than `most`.
select count(*) as found from (
    select 1 from transactions
     where merchant_id = %(merchant_id)s and currency = %(currency)s
       and amount between %(amount_min)s and %(amount_max)s
     limit %(most)s) counted;

-- find_by_amounts --
-- By a range that few lie in: all of them are read, and put in order.
with inside as materialized (
    select created_at, id from transactions
     where merchant_id = %(merchant_id)s and currency = %(currency)s
       and amount between %(amount_min)s and %(amount_max)s
)
select created_at, id from inside
 where created_at >= %(since)s and (created_at, id) < (%(before_at)s, %(before_id)s::uuid)
 order by created_at desc, id desc limit %(limit)s;

-- list_matching --
-- Of these, those that every filter lets through. They are read by their ids whatever the planner expects of a filter.
with found as materialized (
    select id, merchant_id, state, provider, amount, currency, order_reference, description, metadata, captured,
           refunded, dispute, provider_status, expires_at, created_at, updated_at
      from transactions where id = any (%(ids)s::uuid[])
)
select * from found
 where merchant_id = %(merchant_id)s
   and (%(provider)s is null or provider = %(provider)s) and (%(currency)s is null or currency = %(currency)s)
   and (%(states)s is null or state = any (%(states)s::text[]))
   and (%(order_reference)s is null or order_reference = %(order_reference)s)
   and (%(amount)s is null or amount = %(amount)s)
   and amount between %(amount_min)s and %(amount_max)s
   and metadata @> %(metadata)s::jsonb
 order by created_at desc, id desc;
