"""Speed, measured: `make bench`, or `python -m bench NAME … [--quick]` with the names of bench/parts.py."""
