"""The answer for people: sentences and tables, the forest, the page."""
