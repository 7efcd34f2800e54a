"""What turns files or settings into samples; one module per source."""
