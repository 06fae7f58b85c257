"""Event-driven replay of price history through the risk core."""
