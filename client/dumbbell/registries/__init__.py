"""Registries of organizations."""

from dumbbell.registries.members import TeamMember, UserMember
from dumbbell.registries.registry import Registries, Registry, Visibility
from dumbbell.registries.search import Collections, Versions

__all__ = ["Collections", "Registries", "Registry", "TeamMember", "UserMember", "Versions", "Visibility"]
