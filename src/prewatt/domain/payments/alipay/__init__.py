"""Alipay's open gateway, RSA2: 电脑网站, 手机网站 and 当面付 (a code on our screen). 支付宝"""

from prewatt.domain.payments.alipay.channel import Alipay
from prewatt.domain.payments.alipay.settings import Settings

__all__ = ["Alipay", "Settings"]
