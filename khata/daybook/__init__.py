"""The day book: the journal in words, for people. Reads only."""
