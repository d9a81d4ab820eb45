"""Is it sound: a store and what lies in it, a sweep recomputed from what was stored, a family held to its contract."""
