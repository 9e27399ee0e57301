"""Getting paid: links to a party's own page, what customers say there, QR codes, gateways."""
