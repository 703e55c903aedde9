"""Numbered migrations, applied in order by `store.migrate`. Each holds frozen copies of the models it needs."""
