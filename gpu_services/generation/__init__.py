"""Scenario clips by video diffusion: network, training, sampling, baselines, evaluation."""
