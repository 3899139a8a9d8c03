"""What participants hear: stimuli made from a study, and who hears which of them in what order."""
