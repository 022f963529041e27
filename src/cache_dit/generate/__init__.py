"""`cache-dit generate`: a real pipeline from a folder or hub id, cached and spread over devices."""
