"""How many channels each group keeps, and the int8 graph at those widths."""
