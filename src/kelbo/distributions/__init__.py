"""kelbo.distributions."""
