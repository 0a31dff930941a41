"""Documentation: the pages, the site that is built from them, figures."""
