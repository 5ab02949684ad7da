"""How fast the tap is, compared with the stock way, with no framework at all, and with curl."""
