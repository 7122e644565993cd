"""What the letters say, in each language: texts here, layout in `templates/`, translations in `catalogues/`."""
