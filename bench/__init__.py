"""Speed, measured: `make bench`, or `python -m bench pages|record|growth|import|sizes|all [--quick]`."""
