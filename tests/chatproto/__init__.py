"""The library, requirement by requirement, against the plainest model of each."""
