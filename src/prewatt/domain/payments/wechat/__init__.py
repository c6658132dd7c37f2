"""WeChat Pay, API v3, a merchant of its own: Native, H5 and JSAPI. 微信支付"""

from prewatt.domain.payments.wechat.channel import WeChat
from prewatt.domain.payments.wechat.settings import Settings

__all__ = ["Settings", "WeChat"]
