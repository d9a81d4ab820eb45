"""What is asked of what is there: is a store sound, does a sweep recompute, is a family as it must be, who won."""
