"""Fixture of pictures, shared with other folders."""

from pictures import show as show
