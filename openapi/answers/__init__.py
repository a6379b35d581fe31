"""What the routes answer, as strict models: a field that is not here is not answered."""
