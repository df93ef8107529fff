"""What is run by hand or by CI, and what that needs."""
