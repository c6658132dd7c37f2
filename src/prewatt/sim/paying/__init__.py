"""A sandbox of payment providers: WeChat Pay, Alipay and UnionPay on one local address, with real signatures.

It shares no code with the side that it stands opposite to.
"""
