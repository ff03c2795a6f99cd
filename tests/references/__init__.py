"""Small arrays made by other libraries, so that the tests need those libraries only to make them anew."""
