"""`cache-dit new-model`: looks at a transformer, and writes its adapter, plans and test."""
