"""One stage at a time: its process, its slot, what a person sees of it."""
