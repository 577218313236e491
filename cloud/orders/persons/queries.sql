-- name: find
-- Customers by pseudonym, or by what they or the source call them.
SELECT pseudonym::text, source, reference, name, email, phone, street, city, postcode, country,
       region, (extract(epoch FROM seen_at) * 1000000)::bigint,
       (extract(epoch FROM erased_at) * 1000000)::bigint
FROM customer
WHERE pseudonym::text = lower(%(asked)s)
   OR (erased_at IS NULL
       AND (reference = %(asked)s OR lower(email) = lower(%(asked)s) OR phone = %(asked)s))
ORDER BY source, reference LIMIT 100;

-- name: hold
-- Nobody else erases or hears of this customer meanwhile.
SELECT erased_at IS NOT NULL FROM customer WHERE pseudonym = %(pseudonym)s::uuid FOR UPDATE;

-- name: orders_of
-- The orders that name a pseudonym.
SELECT order_id, status, numbering, number, channel,
       (extract(epoch FROM placed_at) * 1000000)::bigint, customer = %(pseudonym)s::uuid,
       ARRAY(SELECT l.item || ' ' || l.quantity FROM sales_line AS l
             WHERE l.order_id = o.order_id ORDER BY l.item)
FROM sales_order AS o
WHERE customer = %(pseudonym)s::uuid OR ship_to = %(pseudonym)s::uuid
ORDER BY order_id;

-- name: deliveries_of
-- The deliveries that spoke of these orders.
SELECT DISTINCT delivery_id FROM sales_statement WHERE order_id = ANY (%(orders)s::bigint[]);

-- name: erase
-- Nothing remains but the pseudonym, and the source's own number by which a late document is known.
UPDATE customer
SET name = '', email = '', phone = '', street = '', city = '', postcode = '', country = '',
    region = '', erased_at = to_timestamp(%(at)s::numeric / 1000000)
WHERE pseudonym = %(pseudonym)s::uuid;

-- name: certify
-- Proof of an erasure.
INSERT INTO erasure (pseudonym, at, why, by_whom, orders, deliveries)
VALUES (%(pseudonym)s::uuid, to_timestamp(%(at)s::numeric / 1000000), %(why)s, %(by)s, %(orders)s,
        %(deliveries)s)
RETURNING erasure_id;

-- name: unseen
-- Customers who were not heard of since, and for whom no order is open.
SELECT pseudonym::text FROM customer AS c
WHERE erased_at IS NULL AND seen_at < to_timestamp(%(before)s::numeric / 1000000)
  AND NOT EXISTS (SELECT FROM sales_order AS o WHERE o.customer = c.pseudonym
                  AND o.status IN ('awaited', 'open', 'part-shipped'))
  AND NOT EXISTS (SELECT FROM sales_order AS o WHERE o.ship_to = c.pseudonym
                  AND o.status IN ('awaited', 'open', 'part-shipped'))
ORDER BY seen_at LIMIT %(limit)s;

-- name: retention
-- How long each kind is kept, where somebody has said so.
SELECT kind, days FROM retention;

-- name: set_retention
-- How long a kind is kept from now on.
INSERT INTO retention (kind, days) VALUES (%(kind)s, %(days)s)
ON CONFLICT (kind) DO UPDATE SET days = excluded.days;
