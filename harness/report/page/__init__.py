"""What the page has besides words and figures: answer cards, the table of trials, its script, what it keeps back."""
