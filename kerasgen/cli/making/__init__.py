"""Commands that make, change or describe pictures."""

__all__: list[str] = []
