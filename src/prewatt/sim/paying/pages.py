"""What a payer sees at the provider: one page to pay or to refuse, and a list of all orders of the sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from prewatt.sim.paying.book import Order, State

NAMES = {"wechat": "微信支付 WeChat Pay", "alipay": "支付宝 Alipay", "unionpay": "云闪付 UnionPay"}
_STATES = {State.WAITING: "等待支付 waiting", State.PAID: "已支付 paid", State.CLOSED: "已关闭 closed"}
_HEAD = """<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
:root{{color-scheme:light dark}}
body{{font:17px/1.6 system-ui,sans-serif;max-width:30rem;margin:2rem auto;padding:0 1rem}}
b.sum{{display:block;font-size:2.4rem}}
button{{font:inherit;padding:.8rem 1rem;width:100%;margin:.4rem 0;border-radius:.5rem;border:1px solid #888}}
button.pay{{background:#1560d4;color:#fff;border:0}}.note{{color:#777;font-size:.9rem}}
table{{width:100%;border-collapse:collapse;font-size:.9rem}}td{{padding:.3rem;border-bottom:1px solid #8884}}</style>
<h1>{title}</h1>"""
_NOTE = '<p class="note">支付沙箱：没有真实的钱。 A sandbox: no real money moves.</p>'


def cashier(order: Order) -> str:
    parts = [_HEAD.format(title=escape(NAMES[order.channel]))]
    parts.append(f"<p>{escape(order.subject)}<b class=sum>¥ {_yuan(order.amount_fen)}</b>")
    parts.append(f"{escape(order.order_no)}<br>{_STATES[order.state]}</p>")
    if order.state == State.WAITING:
        parts.append('<form method="post"><button class="pay" name="do" value="pay">确认支付 Pay</button>')
        parts.append('<button name="do" value="refuse">不付 Do not pay</button></form>')
    return "".join([*parts, _NOTE])


def listing(orders: Sequence[Order]) -> str:
    rows = "".join(
        f'<tr><td><a href="/pay/{one.channel}/{escape(one.order_no)}">{escape(one.order_no)}</a>'
        f"<td>{escape(NAMES[one.channel])}<td>¥ {_yuan(one.amount_fen)}<td>{_STATES[one.state]}"
        for one in orders
    )
    nothing = "" if orders else "<p>还没有订单 No orders yet.</p>"
    return f"{_HEAD.format(title='支付沙箱 Payment sandbox')}<table>{rows}</table>{nothing}{_NOTE}"


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
