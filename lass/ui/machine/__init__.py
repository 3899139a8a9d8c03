"""The machine that serves: its memory, its disk, its GPU, and what it counted and logged."""
