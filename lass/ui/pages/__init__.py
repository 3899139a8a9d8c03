"""One module for each page: its components and what happens when they are used."""
