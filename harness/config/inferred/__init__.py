"""What a user's file seems to hold: how it is written, its columns and times, and the config that follows from them."""
