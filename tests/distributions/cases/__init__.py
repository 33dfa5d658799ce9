"""The table's entries, a module per group of families."""
