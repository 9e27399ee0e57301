"""A shop to look at: customers, suppliers, entries of the last weeks, a cash book."""

from __future__ import annotations

import random
from datetime import timedelta

from khata.accounts import actions as accounts
from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import transaction
from khata.core.ids import new_id
from khata.core.phone import country_defaults, region_of
from khata.ledger import actions as ledger
from khata.ledger import cash
from khata.ledger.models import CASH_IN, CASH_OUT, GAVE, GOT
from khata.parties import actions as parties
from khata.parties.actions import Details

CUSTOMERS = (
    "Ramesh Kumar", "सुनीता देवी", "Asha Patil", "Imran Shaikh", "லட்சுமி", "Gurpreet Singh", "Meena Joshi",
    "Abdul Rahman", "Kavita Rao", "Bablu", "Fatima Bi", "Dinesh Yadav", "Priya Nair", "Sanjay Gupta", "Mohan Lal",
    "Geeta Tea Stall", "Raju Auto", "Shanti Bai", "Vijay Mistri", "Anil Dairy", "Pinky Parlour", "Master ji", "Suresh",
)  # fmt: skip
SUPPLIERS = ("Gupta Traders", "Amul Distributor", "Shree Oil Mills")
NOTES = ("", "", "rice 5 kg", "दूध", "oil, sugar", "old balance", "soap")


def make_demo(phone: str, lang: str) -> str:
    """Make the shop for the owner of `phone` and give its name. Always the same figures, up to today."""
    chance = random.Random(11)  # noqa: S311
    country = region_of(phone)
    currency, time_zone = country_defaults(country)
    with transaction():
        person = accounts.person_for(phone, lang, {})
        new = accounts.NewShop("Asha Kirana Store", "grocery", currency, time_zone, country)
        owner = accounts.open_shop(person.id, None, new)
        for name in CUSTOMERS:
            _fill(owner, name, "customer", time_zone, chance)
        for name in SUPPLIERS:
            _fill(owner, name, "supplier", time_zone, chance)
        _fill_cash(owner, time_zone, chance)
    return new.name


def _fill(owner: Actor, name: str, kind: str, time_zone: str, chance: random.Random) -> None:
    party_id, today = new_id(), clock.today(time_zone)
    due_on = today + timedelta(days=chance.randint(-9, 9)) if chance.random() < 0.3 else None
    limit = 500_000 if chance.random() < 0.2 else None
    parties.add_party(owner, party_id, kind, Details(name, due_on=due_on, credit_limit_minor=limit))
    usual, other = (GAVE, GOT) if kind == "customer" else (GOT, GAVE)
    for days_ago in sorted(chance.sample(range(60), chance.randint(2, 8)), reverse=True):
        direction = usual if chance.random() < 0.7 else other
        amount_minor = chance.choice((5, 10, 12, 20, 35, 50, 120)) * chance.randint(1, 12) * 100
        on = today - timedelta(days=days_ago)
        content = ledger.Content(direction, amount_minor, on, chance.choice(NOTES), in_cash=direction == GOT)
        ledger.record_entry(owner, party_id, new_id(), content)


def _fill_cash(owner: Actor, time_zone: str, chance: random.Random) -> None:
    today = clock.today(time_zone)
    for days_ago in range(6, -1, -1):
        on = today - timedelta(days=days_ago)
        sales = cash.CashContent(CASH_IN, chance.randint(20, 90) * 10_000, on, "sale")
        cash.record_cash(owner, new_id(), sales)
        cash.record_cash(owner, new_id(), cash.CashContent(CASH_OUT, chance.randint(1, 9) * 5_000, on, "transport"))
