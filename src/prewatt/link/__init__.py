"""What field and centre say to each other: frozen messages, versioned, sealed by a cipher suite."""
