"""Views of the room: the customer's page, and what the shop does with links and claims."""

from khata.payments.views import claims, codes, pay_page, shop
from khata.payments.views.blueprint import blueprint

__all__ = ["blueprint", "claims", "codes", "pay_page", "shop"]
