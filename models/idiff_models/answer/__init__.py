"""The Answer Model's making: degraded pairs, network, training, export, release."""
