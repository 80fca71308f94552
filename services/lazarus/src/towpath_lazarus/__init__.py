"""Offers runs again that nobody offers, owns or waits for."""
