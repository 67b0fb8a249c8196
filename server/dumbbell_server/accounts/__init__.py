"""Users, their keys, teams and organizations."""
