"""The door that gateways knock at: enrolment, batches, orders."""
