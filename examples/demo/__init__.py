"""The demonstration: a conversation on the quay, shown as it streams."""
