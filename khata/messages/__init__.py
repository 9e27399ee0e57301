"""The outbox: what must be sent is a row, written with what caused it; a worker claims it and sends it."""
