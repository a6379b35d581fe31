-- show_transactions --
-- Transactions with all that hangs on them, each for the merchant who asks for it, in one round trip. Times within the
-- lists are ISO 8601 texts.
select t.id, t.merchant_id, t.state, t.provider, t.amount, t.currency, t.order_reference, t.description, t.metadata, t.captured,
       t.refunded, t.dispute, t.provider_status, t.items, t.payment_methods, t.refund_reserved, t.manual_capture,
       t.capture_requested, t.cancel_requested_at, t.expires_at, t.created_at, t.updated_at,
       (select json_agg(a) from (
           select b.number, p.provider, p.name as account, b.outcome, b.error, b.checkout_url, b.created_at, b.finished_at
             from attempts b join provider_accounts p on p.id = b.account_id
            where b.transaction_id = t.id order by b.number) a) as attempts,
       (select json_agg(h) from (
           select state, implied, captured, refunded, dispute, evidence, evidence_id, provider_status, alert, created_at
             from transaction_history where transaction_id = t.id order by version) h) as history,
       (select json_agg(e) from (
           select e.event_id, e.event_type, e.state, e.reason, e.received_at, e.finished_at
             from transaction_events te join webhook_events e on e.id = te.event_row_id
            where te.transaction_id = t.id order by e.id limit 100) e) as events,
       -- Without money there is nothing to give back.
       case when t.captured > 0 then
           (select json_agg(r) from (
               select id, state, amount, currency, reason, metadata, reference, error, created_at
                 from refunds where transaction_id = t.id order by id) r) end as refunds
  from unnest(%(ids)s::uuid[], %(merchant_ids)s::uuid[]) as wanted (id, merchant_id)
  join transactions t on t.id = wanted.id and t.merchant_id = wanted.merchant_id;
