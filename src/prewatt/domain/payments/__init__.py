"""What tenants pay by Alipay, WeChat Pay and UnionPay: attempts, notifications, queries, refunds, daily bills."""
