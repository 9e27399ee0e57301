"""The yardstick: a Flask app with one view that does nothing."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def ok() -> str:
    """The shortest answer."""
    return "ok"
