"""How good the answers are: hidden weeks, simple methods, and losses."""
