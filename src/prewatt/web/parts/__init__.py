"""The shared layout, the table, filter and export helper, icons and formats."""
