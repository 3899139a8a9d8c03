"""Every word that the pages say, in each language, one table for each part of the pages."""
