"""The ledger against itself, and every transfer against what caused it. Set by set in the database; only what is
wrong comes out.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection

from prewatt.domain.audit.report import Finding, Report, Tick
from prewatt.domain.ledger import queries as ledger_queries
from prewatt.domain.ledger.models import Checkpoint, Transfer

_LIMIT = 100

# Each query yields (row, what) for what must not be. Accounts are joined by name, so a re-pointed transfer shows.
LEDGER = {
    "resolution_fits": """
        SELECT 'transfer ' || r.id, r.key || ' does not repeat the pending transfer that it ends'
        FROM ledger_transfer r LEFT JOIN ledger_transfer p ON p.id = r.resolves_id
        WHERE r.kind IN ('confirmed', 'voided') AND (p.id IS NULL OR p.kind <> 'pending'
            OR p.amount_fen <> r.amount_fen OR p.debit_id <> r.debit_id OR p.credit_id <> r.credit_id)""",
    "ended_once": """
        SELECT 'transfer ' || MAX(r.id), 'a pending transfer is ended ' || COUNT(*) || ' times' FROM ledger_transfer r
        WHERE r.resolves_id IS NOT NULL GROUP BY r.resolves_id HAVING COUNT(*) > 1""",
    "amount_positive": "SELECT 'transfer ' || id, key || ' carries ' || amount_fen || ' fen' FROM ledger_transfer "
    "WHERE amount_fen <= 0",
    "two_accounts": "SELECT 'transfer ' || id, key || ' goes nowhere' FROM ledger_transfer WHERE debit_id = credit_id",
    "key_once": """
        SELECT 'transfer ' || MAX(id), 'key ' || key || ' stands ' || COUNT(*) || ' times' FROM ledger_transfer
        GROUP BY key HAVING COUNT(*) > 1""",
    "cause_known": """
        SELECT 'transfer ' || id, key || ' names an unknown cause' FROM ledger_transfer
        WHERE cause_kind NOT IN ('sale', 'refund', 'reversal', 'opening', 'usage', 'adjustment', 'closing', 'change',
            'hand_over', 'rebill', 'clear_back', 'difference', 'payment', 'payback')""",
}

# Every transfer with its accounts by name.
_NAMED = """
WITH named AS (
    SELECT t.id, t.key, t.kind, t.cause_kind, t.cause_id, t.amount_fen, d.code AS debit_code, d.owner AS debit_owner,
           c.code AS credit_code, c.owner AS credit_owner
    FROM ledger_transfer t JOIN ledger_account d ON d.id = t.debit_id JOIN ledger_account c ON c.id = t.credit_id
)
"""

# Both ways: what was sold is booked exactly so, and what is booked was sold.
CAUSES = {
    "sale_booked": """
        SELECT 'sale ' || s.id, s.series || '-' || s.number || ' is not booked as ' || s.amount_fen || ' fen paid in'
        FROM vending_sale s LEFT JOIN named t ON t.key = 'sale:' || s.id || ':paid'
            AND t.kind = 'posted' AND t.cause_kind = 'sale' AND t.cause_id = s.id AND t.amount_fen = s.amount_fen
            AND t.debit_code = 'tender' AND t.debit_owner = s.tender
            AND t.credit_code = 'wallet' AND t.credit_owner = CAST(s.customer_id AS VARCHAR(64))
        WHERE t.id IS NULL""",
    "booked_as_sold": """
        SELECT 'transfer ' || t.id, t.key || ' has no sale' FROM named t
        LEFT JOIN vending_sale s ON s.id = t.cause_id
        LEFT JOIN dispatch_meterorder o ON o.cause_kind IN ('sale', 'opening') AND o.cause_id = t.cause_id
            AND (t.key = 'order:' || o.id OR t.key = 'order:' || o.id || ':end' OR t.key = 'order:' || o.id || ':late')
        WHERE t.cause_kind = 'sale'
            AND (s.id IS NULL OR NOT (t.key = 'sale:' || s.id || ':paid' OR o.id IS NOT NULL
                OR (t.key = 'sale:' || s.id || ':account' AND s.order_id IS NULL AND t.amount_fen = s.amount_fen
                    AND t.kind = 'posted' AND t.credit_code = 'meter' AND t.debit_code = 'wallet'
                    AND t.credit_owner = CAST(s.opening_id AS VARCHAR(64))
                    AND EXISTS (SELECT 1 FROM billing_terms b WHERE b.opening_id = s.opening_id))))""",
    "platform_sale_arrived": """
        SELECT 'sale ' || s.id, s.series || '-' || s.number || ' went to no meter and to no account'
        FROM vending_sale s LEFT JOIN named t ON t.key = 'sale:' || s.id || ':account' AND t.kind = 'posted'
        WHERE s.order_id IS NULL AND t.id IS NULL""",
    "money_back_booked": """
        SELECT b.what || ' ' || b.id, 'paid back ' || b.amount_fen || ' fen, which is not booked so'
        FROM (SELECT 'refund' AS what, id, amount_fen, tender, customer_id, state FROM vending_refund
              UNION ALL SELECT 'reversal', id, amount_fen, tender, customer_id, state FROM vending_reversal) b
        LEFT JOIN named t ON t.key = b.what || ':' || b.id || ':paid' AND t.kind = 'posted'
            AND t.cause_kind = b.what AND t.cause_id = b.id AND t.amount_fen = b.amount_fen
            AND t.debit_code = 'wallet' AND t.debit_owner = CAST(b.customer_id AS VARCHAR(64))
            AND t.credit_code = 'tender' AND t.credit_owner = b.tender
        WHERE (b.state = 'done') <> (t.id IS NOT NULL)""",
    "booked_as_paid_back": """
        SELECT 'transfer ' || t.id, t.key || ' has no refund or reversal' FROM ledger_transfer t
        LEFT JOIN vending_refund f ON t.cause_kind = 'refund' AND f.id = t.cause_id
        LEFT JOIN vending_reversal v ON t.cause_kind = 'reversal' AND v.id = t.cause_id
        WHERE t.cause_kind IN ('refund', 'reversal') AND (COALESCE(f.id, v.id) IS NULL
            OR t.key NOT IN (t.cause_kind || ':' || t.cause_id || ':paid',
                t.cause_kind || ':' || t.cause_id || ':account',
                'order:' || t.cause_id, 'order:' || t.cause_id || ':end'))""",
    "taken_off_the_account": """
        SELECT 'transfer ' || t.id, t.key || ' takes money off no platform account' FROM named t
        LEFT JOIN billing_terms b ON CAST(b.opening_id AS VARCHAR(64)) = t.debit_owner
        WHERE t.cause_kind IN ('refund', 'reversal') AND t.key = t.cause_kind || ':' || t.cause_id || ':account'
            AND (b.opening_id IS NULL OR t.debit_code <> 'meter' OR t.credit_code <> 'wallet' OR t.kind <> 'posted'
                OR NOT EXISTS (SELECT 1 FROM named p WHERE p.key = t.cause_kind || ':' || t.cause_id || ':paid'
                    AND p.amount_fen = t.amount_fen AND p.debit_owner = t.credit_owner))""",
    "order_reserved": """
        SELECT 'order ' || o.id, o.kind || ' of ' || o.amount_fen || ' fen has no such reserved transfer'
        FROM dispatch_meterorder o LEFT JOIN named t ON t.key = 'order:' || o.id AND t.kind = 'pending'
            AND t.amount_fen = o.amount_fen AND CAST(o.opening_id AS VARCHAR(64)) = CASE
                WHEN o.kind = 'recharge' AND t.debit_code = 'wallet' AND t.credit_code = 'meter' THEN t.credit_owner
                WHEN o.kind = 'refund' AND t.debit_code = 'meter' AND t.credit_code =
                    CASE WHEN o.cause_kind IN ('change', 'rebill') THEN 'carried' ELSE 'wallet' END
                    THEN t.debit_owner END
        WHERE o.kind IN ('recharge', 'refund') AND t.id IS NULL""",
    "order_settled": """
        SELECT 'order ' || o.id, o.kind || ' is ' || o.state || ', its money is ' || COALESCE(e.kind, 'reserved')
        FROM dispatch_meterorder o JOIN ledger_transfer p ON p.key IN ('order:' || o.id, 'order:' || o.id || ':carried')
        LEFT JOIN ledger_transfer e ON e.resolves_id = p.id
        WHERE COALESCE(e.kind, 'reserved') <> CASE WHEN o.state = 'done' THEN 'confirmed'
            WHEN o.state IN ('refused', 'expired', 'cancelled') THEN 'voided' ELSE 'reserved' END""",
    "reserved_for_order": """
        SELECT 'transfer ' || p.id, p.key || ' reserves money for no order' FROM ledger_transfer p
        WHERE p.kind = 'pending' AND NOT EXISTS (SELECT 1 FROM dispatch_meterorder o
            WHERE p.key IN ('order:' || o.id, 'order:' || o.id || ':carried'))""",
    "opening_carried": """
        SELECT 'transfer ' || t.id, t.key || ' is not what the account opened with' FROM named t
        LEFT JOIN dispatch_meterorder o ON o.id = t.cause_id AND o.kind = 'open'
        LEFT JOIN billing_terms b ON b.asked = t.cause_id AND t.key = 'opening:' || b.asked || ':carried'
            AND t.kind = 'posted' AND t.debit_code = 'carried-in' AND t.credit_code = 'meter'
            AND t.credit_owner = CAST(b.opening_id AS VARCHAR(64))
        WHERE t.cause_kind = 'opening' AND b.opening_id IS NULL
            AND (o.id IS NULL OR t.key NOT LIKE 'order:' || o.id || ':carried%'
            OR t.debit_code <> 'carried-in' OR t.credit_code <> 'meter'
            OR t.credit_owner <> CAST(o.opening_id AS VARCHAR(64)))""",
    "opening_whole": """
        SELECT 'order ' || o.id, 'the account opened with ' || o.amount_fen || ' fen, of which ' ||
        COALESCE(SUM(p.amount_fen), 0) || ' are booked'
        FROM dispatch_meterorder o
        LEFT JOIN ledger_transfer p ON p.kind = 'pending'
            AND p.key IN ('order:' || o.id, 'order:' || o.id || ':carried')
        WHERE o.kind = 'open' GROUP BY o.id, o.amount_fen HAVING COALESCE(SUM(p.amount_fen), 0) <> o.amount_fen""",
    "usage_to_revenue": """
        SELECT 'transfer ' || t.id, t.key || ' is not between a meter and revenue' FROM named t
        WHERE t.cause_kind = 'usage' AND NOT (t.kind = 'posted' AND t.key LIKE 'usage:' || t.cause_id || ':%' AND (
            (t.debit_code = 'meter' AND t.credit_code = 'revenue' AND t.cause_id LIKE t.debit_owner || ':%')
            OR (t.debit_code = 'revenue' AND t.credit_code = 'meter' AND t.cause_id LIKE t.credit_owner || ':%')))""",
    "usage_corrected": """
        SELECT 'transfer ' || b.last_id,
            'usage ' || b.cause_id || ' is booked ' || b.times || ' times, its day was closed '
            || COALESCE(u.version, 0) || ' times'
        FROM (SELECT t.cause_id, MAX(t.id) AS last_id, COUNT(*) AS times FROM named t
              WHERE t.cause_kind = 'usage' GROUP BY t.cause_id) b
        LEFT JOIN (SELECT CAST(o.id AS VARCHAR(64)) || ':' || CAST(d.day AS VARCHAR(10)) AS cause_id, d.version
                   FROM metering_usageday d JOIN estate_opening o ON o.meter_id = d.meter_id) u
            ON u.cause_id = b.cause_id
        WHERE u.cause_id IS NULL OR b.times > u.version""",
    "adjustment_decided": """
        SELECT 'transfer ' || t.id, t.key || ' has no decision behind it' FROM named t
        WHERE t.cause_kind = 'adjustment' AND NOT (t.kind = 'posted' AND 'adjustment' IN (t.debit_code, t.credit_code)
            AND t.key IN ('adjustment:' || t.cause_id || ':1', 'adjustment:' || t.cause_id || ':2')
            AND (SELECT COUNT(*) FROM ledger_transfer s WHERE s.cause_kind = 'adjustment' AND s.cause_id = t.cause_id)
                <= (SELECT COUNT(*) FROM dispatch_decision x WHERE x.order_id = t.cause_id)
                 + (SELECT COUNT(*) FROM dispatch_contradiction y
                    WHERE y.order_ref = t.cause_id AND y.seen_at IS NOT NULL))""",
    # 销户 closing, 换表 change, 过户 hand_over, 计费方式变更 rebill: each transfer belongs to a line, which says what
    # it came to.
    "ended_as_recorded": """
        SELECT 'transfer ' || t.id, t.key || ' is not what its account ended with' FROM named t
        LEFT JOIN vending_closingline l ON l.code = t.cause_id
        LEFT JOIN vending_closing c ON c.id = l.closing_id AND c.kind = CASE t.cause_kind
            WHEN 'closing' THEN 'close' ELSE t.cause_kind END
        LEFT JOIN dispatch_meterorder o ON o.cause_kind = t.cause_kind AND o.cause_id = t.cause_id
            AND t.key IN ('order:' || o.id, 'order:' || o.id || ':end', 'order:' || o.id || ':carried',
                'order:' || o.id || ':carried:end')
        WHERE t.cause_kind IN ('closing', 'change', 'hand_over', 'rebill') AND (c.id IS NULL OR NOT CASE
            WHEN t.key LIKE t.cause_kind || ':' || l.code || ':used:%' THEN t.kind = 'posted'
                AND ((t.debit_code = 'meter' AND t.debit_owner = CAST(l.opening_id AS VARCHAR(64))
                        AND t.credit_code = 'revenue')
                    OR (t.credit_code = 'meter' AND t.credit_owner = CAST(l.opening_id AS VARCHAR(64))
                        AND t.debit_code = 'revenue'))
            WHEN t.key = t.cause_kind || ':' || l.code || ':typed' THEN t.kind = 'posted' AND l.how = 'typed'
                AND l.second_person_id IS NOT NULL AND t.amount_fen = l.balance_fen
                AND t.debit_code = 'meter' AND t.debit_owner = CAST(l.opening_id AS VARCHAR(64))
                AND ((c.kind = 'close' AND t.credit_code = 'wallet'
                        AND t.credit_owner = CAST(c.customer_id AS VARCHAR(64)))
                    OR (c.kind = 'change' AND t.credit_code = 'carried' AND t.credit_owner = l.code))
            WHEN t.key = c.kind || ':' || l.code || ':back' THEN t.kind = 'posted' AND c.kind IN ('change', 'rebill')
                AND t.debit_code = 'carried' AND t.debit_owner = l.code AND t.credit_code = 'wallet'
                AND t.credit_owner = CAST(c.customer_id AS VARCHAR(64))
            WHEN t.key = 'hand_over:' || l.code THEN t.kind = 'posted' AND c.kind = 'hand_over'
                AND t.amount_fen = l.carried_fen
                AND t.debit_code = 'meter' AND t.debit_owner = CAST(l.opening_id AS VARCHAR(64))
                AND t.credit_code = 'meter' AND t.credit_owner = CAST(l.new_opening_id AS VARCHAR(64))
            WHEN t.key = 'rebill:' || l.code || ':account' THEN t.kind = 'posted' AND c.kind = 'rebill'
                AND t.amount_fen = l.balance_fen AND t.debit_code = 'meter'
                AND t.debit_owner = CAST(l.opening_id AS VARCHAR(64))
                AND t.credit_code = 'carried' AND t.credit_owner = l.code
            WHEN t.key = 'rebill:' || l.code || ':carried' THEN t.kind = 'posted' AND c.kind = 'rebill'
                AND t.amount_fen = l.carried_fen AND t.debit_code = 'carried' AND t.debit_owner = l.code
                AND t.credit_code = 'meter' AND t.credit_owner = CAST(l.new_opening_id AS VARCHAR(64))
            WHEN o.kind = 'refund' THEN c.kind IN ('change', 'rebill') AND t.debit_code = 'meter'
                AND t.debit_owner = CAST(l.opening_id AS VARCHAR(64))
                AND t.credit_code = 'carried' AND t.credit_owner = l.code
            WHEN o.kind = 'open' THEN c.kind IN ('change', 'rebill')
                AND t.debit_code = 'carried' AND t.debit_owner = l.code
                AND t.credit_code = 'meter' AND t.credit_owner = CAST(o.opening_id AS VARCHAR(64))
            ELSE 1 = 0 END)""",
    "ended_line_booked": """
        SELECT 'closing line ' || l.code, 'says ' || l.used_fen || ' fen used, ' || l.back_fen || ' paid back, '
            || l.carried_fen || ' carried on; ' || COALESCE(u.fen, 0) || ', ' || COALESCE(b.fen, 0) || ' and '
            || COALESCE(g.fen, 0) || ' are booked'
        FROM vending_closingline l JOIN vending_closing c ON c.id = l.closing_id
        LEFT JOIN (SELECT cause_id, SUM(CASE WHEN debit_code = 'meter' THEN amount_fen ELSE -amount_fen END) AS fen
                   FROM named WHERE cause_kind IN ('closing', 'change', 'hand_over', 'rebill')
                       AND key = cause_kind || ':' || cause_id || ':used:1' GROUP BY cause_id) u ON u.cause_id = l.code
        LEFT JOIN (SELECT x.code, SUM(f.amount_fen) AS fen FROM vending_closingline x JOIN vending_refund f
                   ON f.opening_id = x.opening_id AND f.state = 'done'
                       AND (f.id = x.code || '.paid' OR f.id LIKE x.code || '.back%')
                   GROUP BY x.code) b ON b.code = l.code
        LEFT JOIN (SELECT cause_id, SUM(amount_fen) AS fen FROM named
                   WHERE (cause_kind = 'hand_over' AND key = 'hand_over:' || cause_id)
                       OR (cause_kind IN ('change', 'rebill') AND debit_code = 'carried' AND credit_code = 'meter'
                           AND kind IN ('confirmed', 'posted'))
                   GROUP BY cause_id) g ON g.cause_id = l.code
        WHERE l.state = 'done' AND (COALESCE(u.fen, 0) <> l.used_fen OR COALESCE(b.fen, 0) <> l.back_fen
            OR COALESCE(g.fen, 0) <> l.carried_fen)""",
    "ended_empty": """
        SELECT 'account ' || a.code || ':' || a.owner, 'holds ' || a.fen || ' fen after it has ended'
        FROM (SELECT e.code, e.owner, SUM(e.fen) AS fen FROM (
                  SELECT credit_code AS code, credit_owner AS owner, amount_fen AS fen FROM named
                  WHERE credit_code IN ('meter', 'carried') AND kind IN ('posted', 'confirmed')
                  UNION ALL SELECT debit_code, debit_owner, -amount_fen FROM named
                  WHERE debit_code IN ('meter', 'carried') AND kind IN ('posted', 'confirmed')) e
              GROUP BY e.code, e.owner) a
        WHERE a.fen <> 0 AND ((a.code = 'meter' AND EXISTS (SELECT 1 FROM vending_closingline l
                WHERE CAST(l.opening_id AS VARCHAR(64)) = a.owner AND l.used_fen IS NOT NULL))
            OR (a.code = 'carried' AND (a.fen < 0 OR EXISTS (SELECT 1 FROM vending_closingline l
                WHERE l.code = a.owner AND l.state = 'done'))))""",
    # 清退: each account's part of a run, both ways.
    "cleared_back_as_decided": """
        SELECT 'transfer ' || t.id, t.key || ' is not what a run gave back' FROM named t
        LEFT JOIN (SELECT l.run_id, l.opening_id, o.customer_id, SUM(l.fen) AS fen FROM resale_clearbackline l
                   JOIN estate_opening o ON o.id = l.opening_id GROUP BY l.run_id, l.opening_id, o.customer_id) r
            ON t.key = 'clear_back:' || r.run_id || ':' || r.opening_id AND t.cause_id = r.run_id
        WHERE t.cause_kind = 'clear_back' AND NOT (r.run_id IS NOT NULL AND t.kind = 'posted' AND t.amount_fen = r.fen
            AND t.debit_code = 'revenue' AND t.credit_code = 'wallet'
            AND t.credit_owner = CAST(r.customer_id AS VARCHAR(64)))""",
    "clear_back_booked": """
        SELECT 'run ' || b.id, 'gives ' || b.total_fen || ' fen back; ' || COALESCE(l.fen, 0) || ' stand in its lines, '
            || COALESCE(t.fen, 0) || ' are booked'
        FROM resale_clearback b
        LEFT JOIN (SELECT run_id, SUM(fen) AS fen FROM resale_clearbackline GROUP BY run_id) l ON l.run_id = b.id
        LEFT JOIN (SELECT cause_id, SUM(amount_fen) AS fen FROM named WHERE cause_kind = 'clear_back'
                   GROUP BY cause_id) t ON t.cause_id = b.id
        WHERE COALESCE(l.fen, 0) <> b.total_fen OR COALESCE(t.fen, 0) <> b.total_fen""",
    # A difference that two people took into the books, both ways.
    "difference_accepted": """
        SELECT 'transfer ' || t.id, t.key || ' is not what two people accepted' FROM named t
        LEFT JOIN reconciliation_acceptance a ON a.id = t.cause_id
        WHERE t.cause_kind = 'difference' AND NOT (a.id IS NOT NULL AND t.kind = 'posted'
            AND t.key = 'difference:' || a.id AND t.amount_fen = ABS(a.amount_fen)
            AND t.debit_code = CASE WHEN a.amount_fen > 0 THEN 'adjustment' ELSE 'meter' END
            AND t.credit_code = CASE WHEN a.amount_fen > 0 THEN 'meter' ELSE 'adjustment' END
            AND CAST(a.opening_id AS VARCHAR(64)) =
                CASE WHEN a.amount_fen > 0 THEN t.credit_owner ELSE t.debit_owner END)""",
    "accepted_booked": """
        SELECT 'acceptance ' || a.id, 'took ' || a.amount_fen || ' fen into the books, which are not booked so'
        FROM reconciliation_acceptance a
        LEFT JOIN named t ON t.key = 'difference:' || a.id AND t.cause_kind = 'difference'
        WHERE (a.amount_fen <> 0) <> (t.id IS NOT NULL)""",
    # What providers signed as paid: a sale of exactly this, or the wallet; both ways. And what went back to the payers.
    "payment_booked": """
        SELECT 'payment ' || p.order_no, 'of ' || p.paid_fen || ' fen by ' || p.channel || ' is not in the books'
        FROM payments_attempt p
        LEFT JOIN named t ON t.key = 'payment:' || p.order_no || ':paid' AND t.kind = 'posted'
            AND t.cause_kind = 'payment' AND t.cause_id = p.order_no AND t.amount_fen = p.paid_fen
            AND t.debit_code = 'tender' AND t.debit_owner = p.channel
            AND t.credit_code = 'wallet' AND t.credit_owner = CAST(p.customer_id AS VARCHAR(64))
        LEFT JOIN vending_sale s ON s.id = p.sale_id AND s.id = p.order_no AND s.tender = p.channel
            AND s.amount_fen = p.paid_fen
        WHERE p.state = 'paid' AND t.id IS NULL AND s.id IS NULL""",
    "booked_as_paid": """
        SELECT 'transfer ' || t.id, t.key || ' is not what a provider signed' FROM named t
        LEFT JOIN payments_attempt p ON p.order_no = t.cause_id AND p.state = 'paid'
        WHERE t.cause_kind = 'payment' AND NOT (p.order_no IS NOT NULL AND t.kind = 'posted'
            AND t.amount_fen = p.paid_fen AND t.key IN ('payment:' || p.order_no || ':paid',
                'payment:' || p.order_no || ':sent_on'))""",
    "paid_back_within_paid": """
        SELECT 'payment ' || p.order_no, b.fen || ' fen went back of ' || p.paid_fen FROM payments_attempt p
        JOIN (SELECT attempt_id, SUM(amount_fen) AS fen FROM payments_paidback
              WHERE state IN ('meter', 'asking', 'unknown', 'done') GROUP BY attempt_id) b ON b.attempt_id = p.order_no
        WHERE b.fen > COALESCE(p.paid_fen, 0)""",
    "payback_booked": """
        SELECT 'payback ' || b.back_no, 'is ' || b.state || ', and the books do not say so' FROM payments_paidback b
        LEFT JOIN named t ON t.key = 'payback:' || b.back_no || ':paid' AND t.amount_fen = b.amount_fen
        LEFT JOIN (SELECT id, amount_fen FROM vending_refund WHERE state = 'done'
                   UNION ALL SELECT id, amount_fen FROM vending_reversal WHERE state = 'done') f
            ON f.id IN (b.refund_id, b.reversal_id) AND f.amount_fen = b.amount_fen
        LEFT JOIN named r ON r.key = 'payback:' || b.back_no || ':returned' AND r.amount_fen = b.amount_fen
        WHERE CASE WHEN b.state IN ('asking', 'unknown', 'done')
                THEN (t.id IS NULL AND f.id IS NULL) OR r.id IS NOT NULL
            WHEN b.state = 'refused' THEN (t.id IS NULL AND f.id IS NULL) OR r.id IS NULL
            ELSE t.id IS NOT NULL END""",
    "booked_as_payback": """
        SELECT 'transfer ' || t.id, t.key || ' has no refund by a provider' FROM named t
        LEFT JOIN payments_paidback b ON b.back_no = t.cause_id
        WHERE t.cause_kind = 'payback' AND NOT (b.back_no IS NOT NULL AND t.kind = 'posted'
            AND t.amount_fen = b.amount_fen
            AND t.key IN ('payback:' || b.back_no || ':paid', 'payback:' || b.back_no || ':returned'))""",
    "sale_state": """
        SELECT 'sale ' || s.id, 'is ' || s.state || ' while its order is ' || o.state
        FROM vending_sale s JOIN dispatch_meterorder o ON o.id = s.order_id
        WHERE CASE WHEN s.state = 'paid' THEN o.state NOT IN ('queued', 'leased', 'taken')
            WHEN s.state = 'unclear' THEN o.state <> 'unclear'
            WHEN s.state = 'waiting' THEN o.state NOT IN ('refused', 'expired', 'cancelled')
            WHEN s.state = 'arrived' THEN o.state <> 'done'
                AND NOT EXISTS (SELECT 1 FROM ledger_transfer t WHERE t.key = 'order:' || o.id || ':late')
            ELSE 1 = 0 END""",
}


def ledger(report: Report, tick: Tick) -> Iterator[Finding]:
    """Statement 1: every transfer balances and all accounts together are zero. Wallets are never below zero."""
    yield from _run("ledger", LEDGER, tick)
    total_fen = 0
    balances = dict(ledger_queries.balances())
    for ref, fen in balances.items():
        total_fen += fen
        if ref.code == "wallet" and fen < 0:
            yield Finding("ledger", "mismatch", f"account {ref}", f"a wallet holds {fen} fen")
    if total_fen:
        yield Finding("ledger", "mismatch", "accounts", f"all accounts together hold {total_fen} fen instead of zero")
    yield from _checkpoints()
    report.checked["accounts"] = len(balances)
    report.checked["transfers"] = Transfer.objects.count()


_CHECKPOINTS = """
    SELECT 'checkpoint ' || p.id, 'says ' || p.balance_fen || ' fen' FROM ledger_checkpoint p
    WHERE p.balance_fen <> COALESCE((
        SELECT SUM(CASE WHEN t.credit_id = p.account_id THEN t.amount_fen ELSE -t.amount_fen END) FROM ledger_transfer t
        WHERE t.id <= p.upto AND (t.credit_id = p.account_id OR t.debit_id = p.account_id)
        AND t.kind IN ('posted', 'confirmed')), 0)
    ORDER BY p.id"""


def _checkpoints() -> Iterator[Finding]:
    """A checkpoint is a sum and nothing else."""
    newest = Checkpoint.objects.order_by("-upto").values_list("upto", flat=True).first() or 0
    for row, what in _rows(_CHECKPOINTS):
        yield Finding("ledger", "mismatch", row, f"{what}, which is not the sum of the transfers")
    last = Transfer.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    if newest > last:
        yield Finding("ledger", "removed", f"transfer {newest}", "the last transfers before a checkpoint are gone")


def causes(report: Report, tick: Tick) -> Iterator[Finding]:
    """Statement 4: nothing was captured without a sale, a wallet balance or a refund; no order without its money."""
    yield from _run("causes", CAUSES, tick)
    report.checked["causes"] = len(CAUSES)


def _run(check: str, statements: dict[str, str], tick: Tick) -> Iterator[Finding]:
    for done, (kind, statement) in enumerate(statements.items()):
        tick(check, done, len(statements))
        for row, what in _rows(statement):
            yield Finding(check, kind, row, what)
    tick(check, len(statements), len(statements))


def _rows(statement: str) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(_NAMED + statement)
        return [(str(row), str(what)) for row, what in cursor.fetchmany(_LIMIT)]
