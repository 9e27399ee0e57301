"""Bring a list in, look at it before it is written, take everything out."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("imports", __name__)
