"""Unknowns from data: estimates by least squares, and how sure they are."""
