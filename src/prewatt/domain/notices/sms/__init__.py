"""Text messages as the network carries them (3GPP TS 23.040 and 23.038): bytes and letters, no modem, no clock."""
