"""What participants answer: the store, its journal, and copies of it."""
