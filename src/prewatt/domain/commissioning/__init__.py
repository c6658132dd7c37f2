"""An engineer at the centre looks at a bus through the gateway that owns it: he only reads, and for a little while."""
