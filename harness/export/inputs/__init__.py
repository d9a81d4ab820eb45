"""What a user hands to a champion, checked and made into arrays: tables, forecasts' series, texts."""
