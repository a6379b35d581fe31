"""The rows of the table, a module each: `measure` gives the row, or raises Void."""
