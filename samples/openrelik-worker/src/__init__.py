"""OpenRelik worker for whychain."""
