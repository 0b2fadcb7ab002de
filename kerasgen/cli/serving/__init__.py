"""Commands about trained models and their servers."""

__all__: list[str] = []
