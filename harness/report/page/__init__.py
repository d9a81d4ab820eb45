"""What the page has besides words and figures: answer cards, tables, its script, what it keeps back, the Atlas."""
