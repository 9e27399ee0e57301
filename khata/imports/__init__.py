"""Lists brought in from files, and everything taken out again."""
