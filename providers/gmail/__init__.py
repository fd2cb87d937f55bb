"""Gmail: history as the cursor, raw messages, watch; developers.google.com/workspace/gmail/api."""
