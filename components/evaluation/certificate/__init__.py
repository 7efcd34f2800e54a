"""Whether all else was equal: what the records of every run say, checked one by one."""
