"""The signatures of each kind of exported model."""
