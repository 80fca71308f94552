"""Ready-made tasks. Each module loads by itself; importing this package loads none of them."""
