"""Rules that write to parties: ids in, one action called."""

from __future__ import annotations

import structlog

from khata.core.db import in_shop, transaction
from khata.reminders import queries, rules
from tasks import messages

log = structlog.get_logger()


def run_rules() -> int:
    """Look at each rule with something to do; one that fails must not keep the others. Gives how many were queued."""
    new = 0
    for shop_id, rule_id in queries.rules_to_run():
        try:
            with in_shop(shop_id), transaction():
                new += rules.run(shop_id, rule_id)
        except Exception as error:  # the next run looks at it again
            log.error("rule_not_run", exc_info=error)
    if new:
        messages.send_waiting()
    return new
