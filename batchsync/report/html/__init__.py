"""The report as one page of HTML: read the ledger, work the figures out, put the page together."""
