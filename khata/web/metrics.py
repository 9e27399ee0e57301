"""What is counted."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

REQUESTS = Counter("khata_requests_total", "Requests answered", ("route", "method", "status"))
SECONDS = Histogram("khata_request_seconds", "Time to answer", ("route",), buckets=(0.005, 0.02, 0.05, 0.2, 0.5, 2, 10))


def count(route: str, method: str, status: int) -> None:
    """Count an answered request."""
    REQUESTS.labels(route, method, status).inc()
