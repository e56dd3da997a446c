"""A run, or several, as one HTML page that needs nothing else: `write.write_page(folder)`."""
