"""Codecs, bytes <-> frames: Modbus RTU and TCP, DL/T 645-2007. No I/O, no clock."""
