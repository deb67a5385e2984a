"""The problems that ship with the library, one file each, written with the public API only."""
