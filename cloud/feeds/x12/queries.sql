-- name: insert_partner
-- A new partner.
INSERT INTO x12_partner (code, feed_id, their_qualifier, their_id, our_qualifier, our_id, profile)
VALUES (%(code)s, %(feed_id)s, %(their_qualifier)s, %(their_id)s, %(our_qualifier)s, %(our_id)s,
        %(profile)s);

-- name: update_partner
-- What is agreed with a partner from now on; its numbers go on.
UPDATE x12_partner
SET their_qualifier = %(their_qualifier)s, their_id = %(their_id)s,
    our_qualifier = %(our_qualifier)s, our_id = %(our_id)s, profile = %(profile)s
WHERE code = %(code)s;

-- name: partner_at
-- Who has a pair of addresses.
SELECT code FROM x12_partner
WHERE their_qualifier = %(their_qualifier)s AND their_id = %(their_id)s
  AND our_qualifier = %(our_qualifier)s AND our_id = %(our_id)s;

-- name: partners
-- All partners by code.
SELECT partner_id, feed_id, profile, interchanges, groups, heard FROM x12_partner ORDER BY code;

-- name: partner
-- One partner.
SELECT partner_id, feed_id, profile, interchanges, groups, heard FROM x12_partner
WHERE code = %(code)s;

-- name: held_partner
-- One partner, whose numbers nobody else gives until the commit.
SELECT partner_id, feed_id, profile, interchanges, groups, heard FROM x12_partner
WHERE code = %(code)s FOR UPDATE;

-- name: held_partner_of_feed
-- The partner of a feed, held as above.
SELECT partner_id, feed_id, profile, interchanges, groups, heard FROM x12_partner
WHERE feed_id = %(feed_id)s FOR UPDATE;

-- name: number
-- The last numbers that were given.
UPDATE x12_partner SET interchanges = %(interchanges)s, groups = %(groups)s
WHERE partner_id = %(partner_id)s;

-- name: renumber
-- The last interchange number that a partner has from us, as a person says. How many groups they
-- had nobody knows; none of their numbers is given again.
UPDATE x12_partner
SET groups = least(999999999::bigint, groups + 20::bigint * (%(last)s - interchanges)),
    interchanges = %(last)s
WHERE partner_id = %(partner_id)s;

-- name: hear
-- The last number that came.
UPDATE x12_partner SET heard = %(heard)s WHERE partner_id = %(partner_id)s;

-- name: of_delivery
-- What was made of an interchange of this delivery when it was read before.
SELECT interchange_id, standing, code, says FROM x12_interchange
WHERE delivery_id = %(delivery_id)s AND position = %(position)s;

-- name: under_number
-- What came under an interchange number since a moment, and was not itself a repetition.
SELECT interchange_id, sha256, answer FROM x12_interchange
WHERE partner_id = %(partner_id)s AND control = %(control)s AND standing <> 'repeated'
  AND received_at >= to_timestamp(%(since)s::numeric / 1000000)
ORDER BY interchange_id;

-- name: insert_interchange
-- An interchange that came.
INSERT INTO x12_interchange (partner_id, delivery_id, position, control, sha256, received_at,
                             standing, code, says)
VALUES (%(partner_id)s, %(delivery_id)s, %(position)s, %(control)s, %(sha256)s,
        to_timestamp(%(at)s::numeric / 1000000), %(standing)s, %(code)s, %(says)s)
RETURNING interchange_id;

-- name: note_answer
-- What an interchange was answered with.
UPDATE x12_interchange SET answer = %(answer)s WHERE interchange_id = %(interchange_id)s;

-- name: insert_set
-- A set of it.
INSERT INTO x12_set (interchange_id, position, group_code, group_control, control, kind, accepted,
                     says, documents)
VALUES (%(interchange_id)s, %(position)s, %(group_code)s, %(group_control)s, %(control)s, %(kind)s,
        %(accepted)s, %(says)s, %(documents)s);

-- name: sets
-- The sets of an interchange as they were judged.
SELECT kind, control, accepted, says, documents FROM x12_set
WHERE interchange_id = %(interchange_id)s ORDER BY position;

-- name: order
-- A retailer's order as it stands.
SELECT document FROM x12_order WHERE partner_id = %(partner_id)s AND number = %(number)s;

-- name: note_order
-- As above, from now on.
INSERT INTO x12_order (partner_id, number, document, noted_at)
VALUES (%(partner_id)s, %(number)s, %(document)s, to_timestamp(%(at)s::numeric / 1000000))
ON CONFLICT (partner_id, number) DO UPDATE
SET document = excluded.document, noted_at = excluded.noted_at;

-- name: insert_sent
-- An interchange that is to go out.
INSERT INTO x12_sent (partner_id, control, content, made_at)
VALUES (%(partner_id)s, %(control)s, %(content)s, to_timestamp(%(at)s::numeric / 1000000))
RETURNING sent_id;

-- name: insert_sent_set
-- A set of it.
INSERT INTO x12_sent_set (sent_id, position, partner_id, group_code, group_control, control, kind,
                          reference, document, due_at)
VALUES (%(sent_id)s, %(position)s, %(partner_id)s, %(group_code)s, %(group_control)s, %(control)s,
        %(kind)s, %(reference)s, %(document)s, to_timestamp(%(due)s::numeric / 1000000));

-- name: told_before
-- The last that was told of a document of ours.
SELECT document FROM x12_sent_set
WHERE partner_id = %(partner_id)s AND reference = %(reference)s AND document IS NOT NULL
  AND document->>'type' = %(tag)s
ORDER BY sent_id DESC, position DESC LIMIT 1;

-- name: answer
-- What a partner said to a set of ours, or to all of a group that are still open.
UPDATE x12_sent_set
SET answered_at = to_timestamp(%(at)s::numeric / 1000000), accepted = %(accepted)s, says = %(says)s
WHERE partner_id = %(partner_id)s AND group_code = %(group_code)s
  AND group_control = %(group_control)s AND answered_at IS NULL
  AND (%(control)s = '' OR control = %(control)s)
RETURNING kind, reference;

-- name: answer_interchange
-- A partner has refused a whole interchange of ours.
UPDATE x12_sent_set AS s
SET answered_at = to_timestamp(%(at)s::numeric / 1000000), accepted = false, says = %(says)s
FROM x12_sent AS t
WHERE t.sent_id = s.sent_id AND s.partner_id = %(partner_id)s AND t.control = %(control)s
  AND s.answered_at IS NULL AND s.kind <> '997'
RETURNING s.kind, s.reference;

-- name: was_sent
-- Whether such a group was sent at all.
SELECT FROM x12_sent_set
WHERE partner_id = %(partner_id)s AND group_code = %(group_code)s
  AND group_control = %(group_control)s
  AND (%(control)s = '' OR control = %(control)s) LIMIT 1;

-- name: overdue
-- Sets that should have been acknowledged, and of which nobody was told.
UPDATE x12_sent_set AS s SET told_at = to_timestamp(%(now)s::numeric / 1000000)
FROM x12_partner AS p, x12_sent AS t
WHERE p.partner_id = s.partner_id AND t.sent_id = s.sent_id
  AND s.answered_at IS NULL AND s.told_at IS NULL
  AND s.due_at < to_timestamp(%(now)s::numeric / 1000000)
RETURNING p.code, s.kind, s.reference, t.control,
          (extract(epoch FROM t.made_at) * 1000000)::bigint;

-- name: unwritten
-- What is to be laid into partners' folders, in its order.
SELECT t.sent_id, p.code, t.control, t.content FROM x12_sent AS t JOIN x12_partner AS p
USING (partner_id)
WHERE t.written_at IS NULL AND t.content IS NOT NULL
ORDER BY t.sent_id LIMIT 200;

-- name: written
-- It lies there.
UPDATE x12_sent SET written_at = to_timestamp(%(now)s::numeric / 1000000)
WHERE sent_id = %(sent_id)s;

-- name: sent
-- What was sent to a partner, the newest first.
SELECT t.control, s.group_control, s.control, s.kind, s.reference,
       (extract(epoch FROM t.made_at) * 1000000)::bigint,
       (extract(epoch FROM t.written_at) * 1000000)::bigint,
       (extract(epoch FROM s.due_at) * 1000000)::bigint,
       (extract(epoch FROM s.answered_at) * 1000000)::bigint, s.accepted, s.says
FROM x12_sent_set AS s JOIN x12_sent AS t USING (sent_id)
WHERE s.partner_id = %(partner_id)s ORDER BY s.sent_id DESC, s.position LIMIT %(limit)s;

-- name: forget_sent
-- What was written long ago holds customers' addresses.
UPDATE x12_sent SET content = NULL
WHERE content IS NOT NULL AND written_at IS NOT NULL
  AND made_at < to_timestamp(%(before)s::numeric / 1000000);

-- name: forget_told
-- As above. What was told stays without who it was for: changes and answers refer to it.
UPDATE x12_sent_set AS s SET document = s.document - 'ship_to' - 'customer'
FROM x12_sent AS t
WHERE t.sent_id = s.sent_id AND s.document ?| ARRAY['ship_to', 'customer']
  AND t.made_at < to_timestamp(%(before)s::numeric / 1000000);

-- name: forget_read
-- What was read of sets that came long ago.
UPDATE x12_set AS s SET documents = NULL
FROM x12_interchange AS i
WHERE i.interchange_id = s.interchange_id AND s.documents IS NOT NULL
  AND i.received_at < to_timestamp(%(before)s::numeric / 1000000);

-- name: forget_persons
-- Who an order is for is kept in its own room; here it is needed only while it changes.
UPDATE x12_order SET document = document - 'ship_to' - 'customer'
WHERE document ?| ARRAY['ship_to', 'customer']
  AND noted_at < to_timestamp(%(before)s::numeric / 1000000);

-- name: forget_orders
-- Orders that have not changed for long.
DELETE FROM x12_order WHERE noted_at < to_timestamp(%(before)s::numeric / 1000000);
