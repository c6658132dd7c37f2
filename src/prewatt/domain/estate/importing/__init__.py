"""An estate from a workbook: read it, name every bad cell, and only then write all of it at once."""
