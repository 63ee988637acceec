"""The servers measured beside the reference server: each as its kind is usually written."""
