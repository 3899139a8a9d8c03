"""One module per step; each names its predecessor."""
