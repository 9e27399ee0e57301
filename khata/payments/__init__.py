"""Getting paid: pay page, links, gateways, claims."""
