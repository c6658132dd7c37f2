"""The building in a box: virtual prepaid meters on true bus timing, with seeds, faults and virtual time."""
