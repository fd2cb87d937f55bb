"""IMAP mailboxes: a listener that watches thousands of them, and the provider that lists and fetches one."""
