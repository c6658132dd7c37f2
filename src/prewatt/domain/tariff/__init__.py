"""Price plans: what a kWh costs in each band, which meters use which plan, and the price the site itself pays."""
