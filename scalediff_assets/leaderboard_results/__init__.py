"""Closed-loop results of every driver, their comparison, and the champion."""
