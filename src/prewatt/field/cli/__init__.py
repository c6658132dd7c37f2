"""The command line of the field: works with no centre and no database."""
