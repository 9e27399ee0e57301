"""The ground that every room stands on: no request, no room."""
