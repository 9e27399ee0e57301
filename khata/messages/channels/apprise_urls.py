"""The long tail: any of the services that Apprise knows, by its URLs (`ntfy://…`, `tgram://…`, `vonage://…/{to}`).

`{to}` in a URL is the recipient, so that an SMS service of Apprise's can stand for `KHATA_SMS_URL` as `apprise+…`.
Apprise says yes or no and not why, so a no is an unknown outcome: of several services one may have had it.
"""

from __future__ import annotations

import logging
import threading
from urllib.parse import quote

from khata.messages.channels.interface import ChannelError, OutcomeUnknown, Outgoing, Sent
from khata.messages.channels.url import WrongUrl

# It would write down the address of every failure, with the number in it.
SILENT = logging.CRITICAL + 1
logging.getLogger("apprise").setLevel(SILENT)


class AppriseChannel:
    """One or more Apprise URLs; each gets every message."""

    takes_idempotency_key = False

    def __init__(self, urls: tuple[str, ...]) -> None:
        self.urls = urls
        self._lock = threading.Lock()

    def send(self, message: Outgoing) -> Sent:
        """Notify all; raises ChannelError where a URL makes no sense with this recipient, else OutcomeUnknown."""
        import apprise

        recipient = quote(message.to, safe="+@")
        services = apprise.Apprise()
        with self._lock:  # it loads its services at the first use
            if not all(services.add(url.replace("{to}", recipient)) for url in self.urls):
                raise ChannelError("Apprise can't use the URL with this recipient", is_permanent=True)
        try:
            done = services.notify(
                body=message.body,
                title=message.subject,
                body_format=apprise.NotifyFormat.TEXT,
                interpret_escapes=False,
                log_level=SILENT,
            )
        except TypeError:
            raise ChannelError("Apprise can't take this message", is_permanent=True) from None
        if not done:
            raise OutcomeUnknown("Apprise reports that not everything was delivered")
        return Sent()


def build_from(text: str) -> AppriseChannel:
    """The channel of one or more URLs with spaces between; raises WrongUrl where Apprise knows one not."""
    import apprise

    urls = tuple(text.split())
    for number, url in enumerate(urls, 1):
        if not apprise.Apprise().add(url.replace("{to}", "15550100200")):
            raise WrongUrl(f"has a URL that Apprise does not know (number {number})")
    if not urls:
        raise WrongUrl("must name an Apprise URL")
    return AppriseChannel(urls)
