"""What a champion says, with names and times, and files of it."""
