"""The room's blueprint, on which its modules hang their views."""

from flask import Blueprint

blueprint = Blueprint("reminders", __name__)
