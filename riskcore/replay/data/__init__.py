"""Price histories that come with the package."""
