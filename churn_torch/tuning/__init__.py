"""Search spaces, and studies on disk that several processes share."""
