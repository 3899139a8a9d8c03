"""What an organiser writes: the study file, its scales, its words, and drafts of it."""
