"""The leaderboard as a person reads it: the HTML report, the table in the terminal, pictures for documents."""
