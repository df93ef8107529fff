"""The boundary to the data plane."""
