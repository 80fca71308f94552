"""`python -m towpath_server start`: the same as `towpath server start`."""

from towpath_server.cli import server

if __name__ == "__main__":
    server(prog_name="towpath server")
