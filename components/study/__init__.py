"""What a study is: its typed parts, its cells, and the rules that it is checked against."""
