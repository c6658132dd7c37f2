"""Buildings, floors, rooms, gateways, buses, meters; customers and openings."""
