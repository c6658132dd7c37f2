"""Orders for many meters: placed together, fed to the gateways, stopped, tried again; desired against reported."""
