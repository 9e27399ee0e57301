"""Views of the room: the customer's page, and what the shop does with links and claims."""

from khata.payments.views import claims, codes, collections, pay_page, paying, shop, trial, webhooks
from khata.payments.views.blueprint import blueprint

__all__ = ["blueprint", "claims", "codes", "collections", "pay_page", "paying", "shop", "trial", "webhooks"]
