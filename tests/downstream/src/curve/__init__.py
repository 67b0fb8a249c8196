"""Fits a line to points, and logs how that goes."""
