"""A site's reader and hand: schedule, poller, recharge table, journal, uplink."""
