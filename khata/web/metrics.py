"""What is counted."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

REQUESTS = Counter("khata_requests_total", "Requests answered", ("route", "method", "status"))
SECONDS = Histogram("khata_request_seconds", "Time to answer", ("route",), buckets=(0.005, 0.02, 0.05, 0.2, 0.5, 2, 10))
METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})  # a method that somebody made up must not become a series


def count(route: str, method: str, status: int) -> None:
    """Count an answered request."""
    REQUESTS.labels(route, method if method in METHODS else "other", status).inc()
