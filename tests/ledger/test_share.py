"""A bill's photo that is shared from the phone: for who shared it, until it stands at an entry."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from khata.core.ids import new_id
from khata.core.photos import MOST_SHARED
from tests.accounts.conftest import hire, place
from tests.client import Browser, Page
from tests.factories import dump, large_upload, picture, upload

__all__ = ["hire"]


def share(browser: Browser, content: bytes | None = None) -> str:
    """Share a photo, and give the address where its party is chosen."""
    browser.post("/share", {"photo": upload(picture() if content is None else content)})
    return str(browser.location)


def chosen(page: Page, party: str = "/parties/") -> list[str]:
    """The addresses where the photo is put to an entry of the party, or of anybody."""
    return [link for link in page.links("/share/") if party in link]


def bill_of(browser: Browser, party: str) -> str:
    """The address of the photo of the party's newest entry."""
    (bill,) = browser.get(browser.get(party).links("/entries/")[0]).all("img")
    return bill["src"]


def status_of(browser: Browser, url: str) -> int:
    with browser.raw("GET", url) as answer:
        return answer.status_code


def test_it_works(owner: Browser) -> None:
    ramesh = owner.add_party("Ramesh")
    page = owner.get(share(owner))
    (shown,) = page.all("img")
    assert status_of(owner, shown["src"]) == 200
    (link,) = chosen(page, ramesh)
    form = owner.get(link)
    assert [image["src"] for image in form.all("img")] == [shown["src"]]
    fields = {"direction": "gave", "amount": "120", "id": form.hidden("id"), "shared": form.hidden("shared")}
    for _time in range(2):  # sent twice, it is one entry
        owner.post(f"{ramesh}/entries", fields, then=ramesh)
    assert "You will get ₹120" in owner.get(ramesh).text
    assert len(owner.get(ramesh).links("/entries/")) == 1
    assert bill_of(owner, ramesh) == shown["src"]


def test_with_script_the_page_offers_it_once(owner: Browser) -> None:
    ramesh = owner.add_party("Ramesh")
    form = owner.get(chosen(owner.get(share(owner)), ramesh)[0])
    fields = {"direction": "gave", "amount": "120", "shared": form.hidden("shared")}
    answer = owner.raw("POST", f"{ramesh}/entries", data=fields, headers={"HX-Request": "true"})
    assert answer.headers["HX-Replace-Url"] == ramesh
    assert 'name="shared"' not in answer.get_data(as_text=True)


def test_nothing_is_written(app: Flask, owner: Browser) -> None:
    owner.add_party("Ramesh")
    with app.app_context():
        before = dump()
    owner.get(share(owner))
    with app.app_context():
        assert dump() == before


def test_the_party_is_searched_for(owner: Browser) -> None:
    ramesh, sita = owner.add_party("Ramesh"), owner.add_party("Sita", kind="supplier")
    page = share(owner)
    assert chosen(owner.get(f"{page}?q=rames"), ramesh)
    assert not chosen(owner.get(f"{page}?q=nobody"))
    assert chosen(owner.get(f"{page}?kind=supplier"), sita)
    assert not chosen(owner.get(page), sita)
    assert chosen(owner.get(f"{page}?kind=supplier&q=sita"), sita)


def test_every_page_of_parties_carries_it(owner: Browser) -> None:
    for number in range(21):
        owner.add_party(f"Customer {number}")
    page = share(owner)
    (more,) = [link for link in owner.get(page).links(page) if "after=" in link]
    answer = owner.raw("GET", more, headers={"HX-Request": "true"})
    (link,) = Page(answer.get_data(as_text=True)).links("/")
    assert link.startswith(f"{page}/parties/")


def test_for_somebody_new(owner: Browser) -> None:
    address = share(owner)
    page = owner.get(address)
    (new,) = page.links("/parties/new")
    form = owner.get(new)
    fields = {"name": "Ramesh", "kind": "customer", "shared": form.hidden("shared"), "id": form.hidden("id")}
    refused = owner.post("/parties", {**fields, "name": ""}, status=422)
    assert refused.hidden("shared") == fields["shared"]
    owner.post("/parties", fields)
    assert str(owner.location).startswith(f"{address}/parties/")
    assert [image["src"] for image in owner.get(str(owner.location)).all("img")] == [page.all("img")[0]["src"]]


def test_a_refused_form_still_holds_it(owner: Browser, data_dir: Path) -> None:
    party = owner.add_party("Ramesh")
    photo = owner.get(share(owner, picture(size=(7, 8)))).all("img")[0]["src"].rpartition("/")[2]
    page = owner.post(f"{party}/entries", {"direction": "gave", "amount": "x", "shared": photo}, status=422)
    assert page.hidden("shared") == photo
    owner.post(f"{party}/deletion")
    owner.post(f"{party}/entries", {"direction": "gave", "amount": "5", "shared": photo}, status=422)
    kept = [path.parts[-3] for path in data_dir.rglob(f"{photo.replace('-', '')}.jpg")]
    assert "photos" not in kept, "what was refused is not in the shop's photos"


def test_a_file_that_is_chosen_goes_before_it(owner: Browser) -> None:
    party = owner.add_party("Ramesh")
    shared = share(owner).rpartition("/")[2]
    fields = {"direction": "gave", "amount": "5", "shared": shared, "photo": upload(picture(size=(9, 9)))}
    owner.post(f"{party}/entries", fields, then=party)
    assert not bill_of(owner, party).endswith(shared)


@pytest.mark.parametrize("shared", ["x", "../../etc", "01a20e8a-0c55-742f-b636-cc1ac5301ea9", "9" * 32, "<b>"])
def test_what_was_not_shared_is_not_there(owner: Browser, shared: str) -> None:
    party = owner.add_party("Ramesh")
    page = owner.post(f"{party}/entries", {"direction": "gave", "amount": "5", "shared": shared}, status=422)
    assert "no longer here" in page.text
    assert page.hidden("amount") == "5"
    assert not page.all("img")
    owner.post(f"{party}/entries", {"direction": "gave", "amount": "5"}, then=party)


def test_an_account_that_was_joined_leads_to_the_other(owner: Browser) -> None:
    gone, kept, page = owner.add_party("Ramesh"), owner.add_party("Ramesh K"), share(owner)
    owner.post(f"{gone}/merge", {"into": kept.rpartition("/")[2]})
    answer = owner.raw("GET", page + gone)
    assert (answer.status_code, answer.location) == (303, page + kept)
    owner.get(page + f"/parties/{new_id()}", status=404)


def test_it_is_for_who_shared_it(owner: Browser, stranger: Browser, hire: Callable[..., Browser]) -> None:
    party, page = owner.add_party("Ramesh"), share(owner)
    photo = page.rpartition("/")[2]
    cashier, theirs = hire("cashier"), stranger.add_party("Theirs")
    for browser, of in ((cashier, party), (stranger, theirs)):
        browser.get(page, status=404)
        assert status_of(browser, f"/photos/{photo}") == 404
        browser.get(page + of, status=404)
        browser.post(f"{of}/entries", {"direction": "gave", "amount": "5", "shared": photo}, status=422)


def test_a_cashier_who_sees_no_balances_shares_too(owner: Browser, hire: Callable[..., Browser]) -> None:
    party, cashier = owner.add_party("Ramesh"), hire("cashier")
    owner.write(party, "gave", "777")
    owner.post(place(owner), {"role": "cashier", "may": ["see_parties", "record"]}, then="/members")
    page = cashier.get(share(cashier))
    assert "777" not in page.text
    form = cashier.get(chosen(page, party)[0])
    assert "777" not in form.text
    cashier.post(f"{party}/entries", {"direction": "got", "amount": "5", "shared": form.hidden("shared")}, then=party)
    assert bill_of(cashier, party) == form.all("img")[0]["src"]


def test_who_may_not_write_shares_nothing(owner: Browser, hire: Callable[..., Browser]) -> None:
    hire("accountant").post("/share", {"photo": upload(picture())}, status=403)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "Choose a photo"),
        ({"photo": "typed"}, "Choose a photo"),
        ({"photo": upload(b"")}, "not a photo"),
        ({"photo": upload(b"<svg/>")}, "not a photo"),
    ],
    ids=["nothing", "text", "empty", "svg"],
)
def test_what_is_no_photo_is_said(owner: Browser, fields: dict[str, object], sentence: str) -> None:
    assert sentence in owner.post("/share", fields, status=422).text


def test_nor_one_that_is_too_large(owner: Browser) -> None:
    answer = owner.raw("POST", "/share", **large_upload(picture() + bytes(13 * 2**20)))
    assert answer.status_code == 422
    assert "At most 12 MB" in answer.get_data(as_text=True)


def test_only_the_last_ones_are_kept(owner: Browser, data_dir: Path) -> None:
    pages = []
    for number in range(MOST_SHARED + 2):
        pages.append(share(owner, picture(size=(number + 1, 2))))
        (file,) = data_dir.glob(f"shared/*/*/{pages[-1].rpartition('/')[2].replace('-', '')}.jpg")
        os.utime(file, (number, number))  # so that no two are of one moment
    share(owner, picture(size=(3, 2)))  # the third one again: it is new again
    assert [status_of(owner, page) for page in pages] == [404, 404] + [200] * MOST_SHARED
    share(owner, picture(size=(99, 2)))
    assert status_of(owner, pages[2]) == 200
    assert status_of(owner, pages[3]) == 404
