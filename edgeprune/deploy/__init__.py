"""A network on a device, measured and judged: one protocol, one folder a kind of device."""
