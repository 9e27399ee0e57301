"""Payment codes: read back by parsers of our own, by formats' own rules; no name or note can change another field."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khata.core.payment_qr import (
    EEA,
    MESSAGES,
    SEPA_COUNTRIES,
    PaymentError,
    emv_upi,
    epc,
    link,
    parse_iban,
    parse_pix_key,
    parse_upi_address,
    pix,
    plain,
    schemes_for,
    upi_uri,
)

ADDRESS, IBAN, PIX_KEY = "asha.store@okaxis", "DE89370400440532013000", "12345678000195"
NASTY_LETTERS = (
    "aZ0 &=?#%+\n\r\t\x00\x1b;|<>\"'@\u202e\u2066\u200f\u200b\ufeff\u2028\x85🙏👨\u200d👩६ाीक्षषé\u0301ßڪ5904630"
)
NASTY = st.text(st.sampled_from(NASTY_LETTERS) | st.characters(exclude_categories=["Cs"]), max_size=200)
NAMES = NASTY | st.sampled_from(["Asha & Sons=1&am=9", "x\nEUR9.99\n", "A5303840", "l" * 200, "🙏" * 200, "क्षि" * 60])
AMOUNTS = st.none() | st.integers(1, 10**11 - 1)


def tlv(text: str) -> dict[str, str]:
    """Fields of EMVCo in their order, each tag once."""
    fields: dict[str, str] = {}
    while text:
        tag, length = text[:2], int(text[2:4])
        assert tag not in fields
        assert list(fields) == sorted(fields)
        fields[tag], text = text[4 : 4 + length], text[4 + length :]
        assert len(fields[tag]) == length > 0
    return fields


def crc(text: str) -> str:
    """CRC-16/CCITT-FALSE, bit by bit."""
    register = 0xFFFF
    for byte in text.encode():
        register ^= byte << 8
        for _bit in range(8):
            register = (register << 1) ^ 0x1021 if register & 0x8000 else register << 1
            register &= 0xFFFF
    return f"{register:04X}"


def decimal(amount_minor: int) -> str:
    """ "12.05"."""
    text = f"{amount_minor:03d}"
    return f"{text[:-2]}.{text[-2:]}"


def is_plain(text: str, limit: int) -> bool:
    """One line of what can be seen; the joiners of India's scripts may stay."""
    hidden = [char for char in text if unicodedata.category(char)[0] == "C" and char not in "\u200c\u200d"]
    return 0 < len(text) <= limit and not hidden and text == " ".join(text.split())


def built(build: Callable[..., str], *given: object, may_say: tuple[str, ...]) -> str | None:
    """The code, or None where it was refused for a reason that there may be."""
    try:
        return build(*given)
    except PaymentError as error:
        if error.code not in may_say:
            raise
        return None


def test_it_works() -> None:
    assert upi_uri(ADDRESS, "Asha Store", 1000, "Bill 42") == (
        "upi://pay?pa=asha.store@okaxis&pn=Asha%20Store&am=10.00&cu=INR&tn=Bill%2042"
    )
    assert upi_uri(ADDRESS, "आशा") == "upi://pay?pa=asha.store@okaxis&pn=%E0%A4%86%E0%A4%B6%E0%A4%BE&cu=INR"
    assert crc("123456789") == "29B1"


@given(NAMES, AMOUNTS, NAMES, st.none() | st.from_regex(r"[A-Za-z0-9.-]{4,35}", fullmatch=True))
def test_upi_read_back(name: str, amount: int | None, note: str, reference: str | None) -> None:
    uri = built(upi_uri, ADDRESS, name, amount, note, reference, may_say=("no_name",))
    if uri is None:
        return
    assert uri.isascii()
    assert "+" not in uri
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.path, parts.fragment) == ("upi", "pay", "", "")
    found = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)
    fields = dict(found)
    assert len(fields) == len(found)
    assert is_plain(fields.pop("pn"), 50)
    assert "tn" not in fields or is_plain(fields.pop("tn"), 50)
    assert fields.pop("am", None) == (None if amount is None else decimal(amount))
    assert fields.pop("tr", None) == reference
    assert fields == {"pa": ADDRESS, "cu": "INR"}


@given(NAMES, NAMES, AMOUNTS, st.none() | st.from_regex(r"[A-Za-z0-9.-]{4,35}", fullmatch=True))
def test_emv_read_back(name: str, city: str, amount: int | None, reference: str | None) -> None:
    text = built(
        emv_upi,
        ADDRESS,
        name,
        city,
        amount,
        reference,
        may_say=(
            "no_name",
            "no_city",
        ),
    )
    if text is None:
        return
    assert text.isascii()
    assert text[-8:-4] == "6304"
    assert crc(text[:-4]) == text[-4:]
    fields = tlv(text[:-8])
    assert is_plain(fields.pop("59"), 23)
    assert is_plain(fields.pop("60"), 15)
    assert tlv(fields.pop("26")) == {"00": "A000000524", "01": ADDRESS}
    if reference:
        assert tlv(fields.pop("27")) == {"00": "A000000524", "01": reference}
        if len(reference) <= 25:
            assert tlv(fields.pop("62")) == {"05": reference}
    if amount is not None:
        assert fields.pop("54") == decimal(amount)
    start = "11" if amount is None else "12"
    assert fields == {"00": "01", "01": start, "52": "0000", "53": "356", "58": "IN"}


@given(NAMES, NAMES, AMOUNTS, st.none() | st.from_regex(r"[A-Za-z0-9]{1,25}", fullmatch=True))
def test_pix_read_back(name: str, city: str, amount: int | None, txid: str | None) -> None:
    text = built(
        pix,
        PIX_KEY,
        name,
        city,
        amount,
        txid,
        may_say=(
            "no_name",
            "no_city",
        ),
    )
    if text is None:
        return
    assert text.isascii()
    assert crc(text[:-4]) == text[-4:]
    fields = tlv(text[:-8])
    assert is_plain(fields.pop("59"), 25)
    assert is_plain(fields.pop("60"), 15)
    assert tlv(fields.pop("26")) == {"00": "br.gov.bcb.pix", "01": PIX_KEY}
    assert tlv(fields.pop("62")) == {"05": txid or "***"}
    if amount is not None:
        assert fields.pop("54") == decimal(amount)
    assert fields == {"00": "01", "52": "0000", "53": "986", "58": "BR"}


def test_pix_as_it_is_published() -> None:
    """A code that stands on the web, made by somebody else's program."""
    made = pix("+5511943214321", "EMPRESA", "BRASILIA", 6666)
    published = (
        "00020126360014BR.GOV.BCB.PIX0114+551194321432152040000530398654056"
        "6.665802BR5907EMPRESA6008BRASILIA62070503***6304"
    )
    assert made[:-4].upper() == published


@given(NAMES, AMOUNTS, NAMES, st.sampled_from([None, "RF18539007547034"]))
def test_epc_read_back(name: str, amount: int | None, note: str, reference: str | None) -> None:
    text = built(
        epc,
        IBAN,
        name,
        amount,
        note,
        reference,
        may_say=(
            "no_name",
            "too_long",
        ),
    )
    if text is None:
        return
    assert len(text.encode()) <= 331
    lines = text.split("\n")
    lines += [""] * (11 - len(lines))
    assert len(lines) == 11
    assert lines[:5] == ["BCD", "002", "1", "SCT", ""]
    assert is_plain(lines[5], 70)
    assert lines[6:9] == [IBAN, "" if amount is None else f"EUR{decimal(amount)}", ""]
    assert lines[9] == (reference or "")
    if reference or not plain(note, 140):
        assert lines[10] == ""
    else:
        assert lines[10] == "" or is_plain(lines[10], 140)


def test_epc_keeps_what_fits() -> None:
    assert epc("de89 3704 0044 0532 0130 00", "Müller & Söhne", 1, "Rechnung 42") == (
        "BCD\n002\n1\nSCT\n\nMüller & Söhne\nDE89370400440532013000\nEUR0.01\n\n\nRechnung 42"
    )
    assert epc(IBAN, "A", 99_999_999_999).endswith("\nEUR999999999.99")
    assert epc(IBAN, "A").endswith(f"\nA\n{IBAN}")
    assert len(epc(IBAN, "ß" * 70, 1, "ä" * 140).encode()) <= 331
    with pytest.raises(PaymentError, match="too_long"):
        epc(IBAN, "🙏" * 70, 99_999_999_999, "x")


@pytest.mark.parametrize(
    "address",
    ["", "asha", "asha@", "@okaxis", "asha store@okaxis", "asha@ok axis", "asha@@okaxis", "a" * 48 + "@okaxis",
     "asha@okaxis&am=1", "asha@okaxis\n", "आशा@okaxis", "asha@1bank", "asha\u200b@okaxis", "asha@okaxis?x"],
)  # fmt: skip
def test_upi_addresses_that_are_none(address: str) -> None:
    if address == "asha@okaxis\n":
        assert parse_upi_address(address) == "asha@okaxis"
        return
    for build in (parse_upi_address, lambda text: upi_uri(text, "A"), lambda text: emv_upi(text, "A", "B")):
        with pytest.raises(PaymentError) as refused:
            build(address)
        assert (refused.value.code, refused.value.status) == ("upi_address", 422)


@pytest.mark.parametrize("address", ["asha@okaxis", " 9876543210@ybl ", "a.b-c_d@ok.bank-1", "x" * 43 + "@okaxis"])
def test_upi_addresses(address: str) -> None:
    assert parse_upi_address(address) == address.strip()


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("12.345.678/0001-95", "12345678000195"),
        ("123.456.789-09", "12345678909"),
        ("Asha@Loja.com.br", "asha@loja.com.br"),
        ("+5511943214321", "+5511943214321"),
        ("123E4567-E12B-12D1-A456-426655440000", "123e4567-e12b-12d1-a456-426655440000"),
    ],
)
def test_pix_keys(typed: str, key: str) -> None:
    assert parse_pix_key(typed) == key


@pytest.mark.parametrize(
    "typed",
    ["", "12345678000196", "12345678900", "asha", "asha@loja", "+5501143214321", "+551194321", "11943214321 5204",
     "a" * 70 + "@loja.com.br", "१२३४५६७८९०९", "asha@loja.com\n5204"],
)  # fmt: skip
def test_pix_keys_that_are_none(typed: str) -> None:
    with pytest.raises(PaymentError, match="pix_key"):
        parse_pix_key(typed)


@pytest.mark.parametrize("typed", ["", "DE89370400440532013001", "DE8937040044053201300", "TR330006100519786457841326",
                                   "DE89 3704 0044 0532 0130 00\nEUR1", "ＤＥ89370400440532013000"])  # fmt: skip
def test_ibans_that_are_none(typed: str) -> None:
    with pytest.raises(PaymentError, match="iban"):
        parse_iban(typed)


@pytest.mark.parametrize("amount", [0, -1, 10**13 + 1])
def test_amounts_that_are_none(amount: int) -> None:
    for build in (
        lambda: upi_uri(ADDRESS, "A", amount),
        lambda: emv_upi(ADDRESS, "A", "B", amount),
        lambda: pix(PIX_KEY, "A", "B", amount),
        lambda: epc(IBAN, "A", amount),
    ):
        with pytest.raises(PaymentError, match="amount"):
            build()


def test_amounts_that_a_format_has_no_room_for() -> None:
    for build in (lambda: emv_upi(ADDRESS, "A", "B", 10**13), lambda: epc(IBAN, "A", 99_999_999_999 + 1)):
        with pytest.raises(PaymentError, match="amount"):
            build()


@pytest.mark.parametrize("reference", ["", "abc", "a b c d", "x" * 36, "a&am=1", "abcd\n", "अबकद"])
def test_references_that_are_none(reference: str) -> None:
    for build in (
        lambda: upi_uri(ADDRESS, "A", 1, "", reference),
        lambda: emv_upi(ADDRESS, "A", "B", 1, reference),
        lambda: epc(IBAN, "A", 1, "", reference),
    ):
        with pytest.raises(PaymentError, match="reference"):
            build()


@pytest.mark.parametrize("txid", ["", "a-b", "x" * 26, "a b"])
def test_txids_that_are_none(txid: str) -> None:
    with pytest.raises(PaymentError, match="reference"):
        pix(PIX_KEY, "A", "B", 1, txid)


@pytest.mark.parametrize(
    "address", ["", "x", "javascript:alert(1)", "ftp://a.example", "https://", "https://a.example/ x", "https://[a",
                "https://a.example/\n", "https://a.example/é", "https://a.example/" + "x" * 1000]
)  # fmt: skip
def test_links_that_are_none(address: str) -> None:
    with pytest.raises(PaymentError, match="link"):
        link(address)


def test_links() -> None:
    assert link("https://khata.example/p/x?a=1&b=2") == "https://khata.example/p/x?a=1&b=2"


def test_lines_become_one() -> None:
    assert plain(" a\nb\tc\u2028d\u00a0\r\ne\x85f ", 20) == "a b c d e f"
    assert plain("a\u202eb\x00c\u200bd\ufeff", 20) == "abcd"


def test_letters_keep_their_marks() -> None:
    assert plain("क्षि", 2) in ("क", "क्")
    assert plain("कि" * 10, 5) == "किकि"
    assert plain("e\u0301" * 3, 2) == "éé"
    assert plain("मलयാള\u200dം", 40) == "मलयാള\u200dം"


@given(NAMES, st.integers(0, 60))
def test_what_is_plain_stays_so(text: str, limit: int) -> None:
    once = plain(text, limit)
    assert len(once) <= limit
    assert plain(once, limit) == once


@pytest.mark.parametrize(
    ("country", "currency", "schemes"),
    [
        ("IN", None, ("upi", "emv", "link")),
        ("IN", "USD", ("link",)),
        ("BR", "BRL", ("pix", "link")),
        ("DE", None, ("epc", "link")),
        ("DE", "EUR", ("epc", "link")),
        ("CH", "CHF", ("link",)),
        ("US", "USD", ("link",)),
        ("", None, ("link",)),
    ],
)
def test_what_a_country_is_offered(country: str, currency: str | None, schemes: tuple[str, ...]) -> None:
    assert schemes_for(country, currency) == schemes


def test_sepas_countries() -> None:
    assert len(EEA.split()) == 30
    assert len(SEPA_COUNTRIES) == 42


def test_every_sentence_is_used() -> None:
    assert len({str(sentence) for sentence in MESSAGES.values()}) == len(MESSAGES)
