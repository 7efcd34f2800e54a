"""Tables of scores that others measured: CSV, TSV, JSON, Parquet, per-sample files, in any layout."""
