"""How fast the tap is, measured beside the stock way, beside no framework at all, and beside curl."""
