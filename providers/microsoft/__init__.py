"""Microsoft 365: delta per folder as the cursor, MIME content, subscriptions; learn.microsoft.com/graph."""
