"""Which trained models may go. Decisions without I/O, and the marks by which renderings say what they use."""
