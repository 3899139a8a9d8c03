"""The steps from one version of the store's tables to the next; run when a store opens."""
