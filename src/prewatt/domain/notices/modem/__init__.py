"""短信猫: a GSM modem on a serial port, spoken to in AT commands (3GPP TS 27.005 and 27.007), PDU mode."""
