"""UnionPay 全渠道 5.1.0: 网关支付 on a desk, 手机支付 on a phone. 银联"""

from prewatt.domain.payments.unionpay.channel import UnionPay
from prewatt.domain.payments.unionpay.settings import Settings

__all__ = ["Settings", "UnionPay"]
