"""Takes runs whose lease has expired."""
