"""What people look at: terminal tables and HTML pages. Takes plain data, knows no model."""
