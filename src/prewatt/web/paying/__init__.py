"""The door at which payment providers knock: what they say is verified, booked, and answered in their own words."""
