"""Models as plain torch modules; of the rest of Ceteris they import only what a table's row is."""
