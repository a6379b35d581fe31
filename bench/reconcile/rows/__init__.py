"""One module for each row of the table: its goals, and how it is measured."""
