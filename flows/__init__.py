"""How work is run: Prefect flows, the graph walker, the supervisor, the command line."""
