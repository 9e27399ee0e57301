"""The room's blueprint; every module of views adds its addresses to it."""

from flask import Blueprint

blueprint = Blueprint("ledger", __name__)
