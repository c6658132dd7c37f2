"""设置: the pages of the estate: buildings, rooms, gateways, meters, import, defaults, texts."""
