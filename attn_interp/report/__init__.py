"""Results as text: what is printed, and tables for a paper."""
