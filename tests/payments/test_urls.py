"""Gateways are named by addresses with keys in them: what is wrong is said, and never what stands there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from khata.core.gateway_urls import parse_gateway_url
from khata.payments.gateways import from_url, from_urls
from khata.settings import Settings, SettingsError, load_settings

HOOK = "webhook_secret=whsec_1"


def test_works() -> None:
    found = from_urls([f"stripe://sk_test_Abc@?{HOOK}", f"razorpay://rzp_1:S@?{HOOK}", "test://Secret"])
    assert list(found) == ["stripe", "razorpay", "test"]
    assert [gateway.takes_partial for gateway in found.values()] == [False, True, True]


def test_reads_what_is_encoded() -> None:
    found = parse_gateway_url("razorpay://rzp_Key:a%2Fb%40c:d@?webhook_secret=x%26y&webhook_secret=z")
    assert found == ("razorpay", "rzp_Key", "a/b@c:d", ("x&y", "z"), "")
    assert parse_gateway_url("test://SeCret").key == parse_gateway_url("test://SeCret@").key == "SeCret"
    assert "rzp_Key" not in f"{found} {found!r}"


WRONG = [
    "",
    "hunter2",
    "paypal://hunter2@",
    "stripe://hunter2@",
    f"stripe://@?{HOOK}",
    "stripe://hunter2@?webhook_secret=",
    f"stripe://hunter2@?webhook_secret=&{HOOK}",
    f"stripe://hunter2@?hunter3=1&{HOOK}",
    f"stripe://hunter2@?{HOOK}&hunter3",
    f"stripe://hunter2@api.stripe.com?{HOOK}",
    f"stripe://hunter2@?{HOOK}&api=http://hunter3.example",
    f"stripe://hunter2@?{HOOK}&api=http://127.0.0.1.hunter3.example",
    f"stripe://hunter2@?{HOOK}&api=ftp://hunter3",
    f"razorpay://hunter2@?{HOOK}",
    f"razorpay://hunter2:@?{HOOK}",
    f"razorpay://:hunter2@?{HOOK}",
    "razorpay://hunter2:hunter3@",
    f"razorpay://hunter2:hunt/er3@?{HOOK}",
    f"razorpay://hunter2:hunt#er3@?{HOOK}",
    "test://",
    "stripe://[hunter2@",
]


@pytest.mark.parametrize("url", WRONG)
def test_what_is_wrong_is_said_without_the_keys(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        from_url(url)
    said = f"{caught.value!r} {caught.value.__cause__!r}"
    assert "hunter" not in said
    assert "whsec" not in said


def test_the_test_gateway_keeps_off_what_is_public() -> None:
    long = "test://0123456789abcdef"
    with pytest.raises(ValueError, match="KHATA_ALLOW_TEST_GATEWAY"):
        from_url(long, public_url="https://khata.example")
    with pytest.raises(ValueError, match="at least 16"):
        from_url("test://short", public_url="https://khata.example", allow_test=True)
    assert from_url(long, public_url="https://khata.example", allow_test=True).name == "test"
    assert from_url("test://short", public_url="http://khata.local").name == "test"


def load(tmp_path: Path, **env: str) -> Settings:
    return load_settings({"KHATA_DATA_DIR": str(tmp_path), **env})


def test_settings(tmp_path: Path) -> None:
    assert load(tmp_path).gateway_urls == ()
    urls = (f"stripe://sk_test_Abc@?{HOOK}", "test://Secret")
    settings = load(tmp_path, KHATA_GATEWAY_URLS="  ".join(urls))
    assert settings.gateway_urls == urls
    assert "sk_test" not in repr(settings)


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"KHATA_GATEWAY_URLS": f"test://hunter2 stripe://hunter2@?{HOOK}x&z=1"}, "KHATA_GATEWAY_URLS, address 2: "),
        ({"KHATA_GATEWAY_URLS": "hunter2"}, "KHATA_GATEWAY_URLS, address 1: must start with razorpay://, stripe://"),
        ({"KHATA_GATEWAY_URLS": "test://hunter2 test://hunter3"}, "address 2: test:// stands there twice"),
        (
            {"KHATA_GATEWAY_URLS": "test://hunter2", "KHATA_PUBLIC_URL": "https://khata.example"},
            "KHATA_ALLOW_TEST_GATEWAY=1",
        ),
        ({"KHATA_ALLOW_TEST_GATEWAY": "hunter2"}, "KHATA_ALLOW_TEST_GATEWAY must be 0 or 1"),
    ],
)
def test_settings_name_what_is_wrong_and_tell_no_secret(tmp_path: Path, env: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, **env)
    assert said in str(caught.value)
    assert "hunter" not in str(caught.value)


def test_a_client_is_loaded_only_where_it_is_used(tmp_path: Path) -> None:
    import subprocess
    import sys

    program = """
import sys
from khata.payments.gateways import from_url
from_url("test://Secret")
assert not {"stripe", "razorpay", "requests"} & sys.modules.keys()
"""
    done: Any = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
