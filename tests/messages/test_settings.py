"""The URLs of the settings: which channel each one makes, and that a wrong one is named without its secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from khata.messages.channels import Channel, ChannelError, ConsoleChannel, OutcomeUnknown, Outgoing, build
from khata.messages.channels.apprise_urls import AppriseChannel
from khata.messages.channels.http_sms import HttpSmsChannel
from khata.messages.channels.msg91 import Msg91Channel
from khata.messages.channels.smtp import SmtpChannel
from khata.messages.channels.twilio import TwilioChannel
from khata.messages.channels.web_push import WebPushChannel
from khata.messages.channels.whatsapp_cloud import WhatsAppChannel
from khata.settings import SettingsError, load_settings
from tests.messages.provider import BODY, CUT, HANG, NUMBER, Provider

SETTINGS = {
    "KHATA_SMS_URL": "sms",
    "KHATA_WHATSAPP_URL": "whatsapp",
    "KHATA_EMAIL_URL": "email",
    "KHATA_PUSH_URL": "push",
    "KHATA_APPRISE_URLS": "apprise",
}


@pytest.mark.parametrize(
    ("setting", "url", "kind"),
    [
        ("KHATA_SMS_URL", "console:", ConsoleChannel),
        ("KHATA_SMS_URL", "https+sms://gateway.example/send?to=phone", HttpSmsChannel),
        ("KHATA_SMS_URL", "http+sms://192.168.1.5:8080/send", HttpSmsChannel),
        ("KHATA_SMS_URL", "twilio://AC1:token@+15550100200", TwilioChannel),
        ("KHATA_SMS_URL", "twilio://AC1:token@KHATA", TwilioChannel),
        ("KHATA_SMS_URL", "msg91://key@KHATAS?template=t&entity=1701&dlt=1707&secret=s&variable=VAR1", Msg91Channel),
        ("KHATA_SMS_URL", "apprise+vonage://12345678:abcdefgh@15550100200/{to}", AppriseChannel),
        ("KHATA_WHATSAPP_URL", "whatsapp://token@1055?app_secret=a&verify=b", WhatsAppChannel),
        ("KHATA_WHATSAPP_URL", "console:", ConsoleChannel),
        ("KHATA_EMAIL_URL", "smtp://u:p@mail.example:587?from=khata@example.org", SmtpChannel),
        ("KHATA_EMAIL_URL", "smtps://mail.example?from=Khata%20<khata@example.org>", SmtpChannel),
        ("KHATA_PUSH_URL", "web-push:mailto:you@example.org", WebPushChannel),
        ("KHATA_PUSH_URL", "web-push:https://khata.example/contact", WebPushChannel),
        ("KHATA_APPRISE_URLS", "ntfy://ntfy.example/shop  json://hooks.example/x", AppriseChannel),
    ],
)
def test_each_url_has_its_channel(tmp_path: Path, setting: str, url: str, kind: type[Channel]) -> None:
    settings = load_settings({"KHATA_DATA_DIR": str(tmp_path), setting: url})
    assert settings.channel_urls[SETTINGS[setting]] == url
    assert isinstance(build(SETTINGS[setting], url, tmp_path), kind)
    if "console" not in url:
        assert url not in repr(settings)


@pytest.mark.parametrize(
    ("setting", "url", "said"),
    [
        ("KHATA_SMS_URL", "SECRET", "must start with console:"),
        ("KHATA_SMS_URL", "smtp://u:SECRET@mail.example?from=a@b.example", "must start with console:"),
        ("KHATA_SMS_URL", "console://SECRET", "must be console:"),
        ("KHATA_SMS_URL", "twilio://AC1@+15550100200", "must be like twilio://"),
        ("KHATA_SMS_URL", "twilio://AC1:SECRET@", "must be like twilio://"),
        ("KHATA_SMS_URL", "twilio://AC/1:SECRET@+1555", "must be like twilio://"),
        ("KHATA_SMS_URL", "twilio://AC1:SECRET@+1555?stauts=x", "may have base, status"),
        ("KHATA_SMS_URL", "twilio://AC1:SECRET@+1555?base=http://SECRET.example", "base that starts with https://"),
        ("KHATA_SMS_URL", "twilio://AC1:SECRET@+1555?base=https://a&base=https://b", "twice"),
        ("KHATA_SMS_URL", "twilio://AC1:SECRET@+1555 0100", "without spaces"),
        ("KHATA_SMS_URL", "https+sms://[SECRET/", "can't be read"),
        ("KHATA_SMS_URL", "https+sms://gateway.example:SECRET/", "can't be read"),
        ("KHATA_SMS_URL", "https+sms:///send", "must be like https+sms://"),
        ("KHATA_SMS_URL", "https+sms://gateway.example/?phone=x", "unknown field"),
        ("KHATA_SMS_URL", "https+sms://gateway.example/?heador.X=SECRET", "field.…, header.… and query.…"),
        ("KHATA_SMS_URL", "https+sms://gateway.example/?method=GET", "GET has query alone"),
        ("KHATA_SMS_URL", "https+sms://gateway.example/?format=xml", "format form, json or query"),
        ("KHATA_SMS_URL", "msg91://@KHATAS", "must be like msg91://"),
        ("KHATA_SMS_URL", "apprise+nonsense://SECRET", "that Apprise does not know (number 1)"),
        ("KHATA_WHATSAPP_URL", "whatsapp://SECRET@phone", "must be like whatsapp://"),
        ("KHATA_WHATSAPP_URL", "twilio://AC1:SECRET@+1555", "must start with console:, whatsapp:"),
        ("KHATA_EMAIL_URL", "smtp://u:SECRET@mail.example", "must be like smtp://"),
        ("KHATA_EMAIL_URL", "smtp://u:SECRET@mail.example?from=nobody", "must be like smtp://"),
        ("KHATA_PUSH_URL", "web-push:", "must be like web-push:mailto:"),
        ("KHATA_PUSH_URL", "web-push://SECRET@x", "must be like web-push:mailto:"),
        ("KHATA_APPRISE_URLS", "ntfy://ntfy.example/shop nonsense://SECRET", "does not know (number 2)"),
        ("KHATA_APPRISE_URLS", " ", "must name an Apprise URL"),
    ],
)
def test_a_wrong_one_is_named_and_not_shown(tmp_path: Path, setting: str, url: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({"KHATA_DATA_DIR": str(tmp_path / "none"), setting: url})
    assert str(refused.value).startswith(f"{setting} ")
    assert said in str(refused.value)
    assert "SECRET@" not in str(refused.value)
    assert "SECRET" not in str(refused.value).replace("app_secret=SECRET", "")
    assert not (tmp_path / "none").exists()


def test_nothing_is_set_up_but_the_console(tmp_path: Path) -> None:
    assert load_settings({"KHATA_DATA_DIR": str(tmp_path)}).channel_urls == {"sms": "console:"}


def test_the_console_tells_all(tmp_path: Path, message: Outgoing, capsys: pytest.CaptureFixture[str]) -> None:
    build("sms", "console:", tmp_path).send(message)
    line = (tmp_path / "outbox.jsonl").read_text("utf-8")
    assert line == capsys.readouterr().out
    assert '"subject": "Due"' in line


# Apprise


def test_apprise_takes_the_recipient(provider: Provider, message: Outgoing, tmp_path: Path) -> None:
    channel = build("apprise", f"json://{provider.base.partition('//')[2]}/to/{{to}}", tmp_path)
    assert channel.send(message).provider_id is None
    assert provider.one.method == "POST"
    assert provider.one.path.replace("%2B", "+") == f"/to/{NUMBER}"
    assert (provider.one.json["title"], provider.one.json["message"]) == ("Due", BODY)


@pytest.mark.parametrize("answer", [(500, {}, {}), (401, {}, {}), CUT])
def test_apprise_says_no_and_not_why(provider: Provider, message: Outgoing, tmp_path: Path, answer: object) -> None:
    provider.answers = [answer]
    with pytest.raises(OutcomeUnknown):
        build("apprise", f"json://{provider.base.partition('//')[2]}/", tmp_path).send(message)
    assert HANG


def test_apprise_with_a_recipient_that_makes_no_url(message: Outgoing, tmp_path: Path) -> None:
    channel = build("apprise", "vonage://12345678:abcdefgh@15550100200/{to}", tmp_path)
    with pytest.raises((ChannelError, OutcomeUnknown)):
        channel.send(message._replace(to="x"))
