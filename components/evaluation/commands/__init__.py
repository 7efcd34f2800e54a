"""What the commands `verdict`, `power` and `compare` work out and say."""
