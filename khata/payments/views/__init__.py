"""Views of the room: the customer's page, and what the shop does with links and claims."""

from khata.payments.views import claims, collections, pay_page, paying, shop, trial, webhooks
from khata.payments.views.blueprint import blueprint

__all__ = ["blueprint", "claims", "collections", "pay_page", "paying", "shop", "trial", "webhooks"]
