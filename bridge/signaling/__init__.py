"""The doors: how clients speak to the bridge, and the HTTP server that they hang in.

`calls` is what every door shares; `websocket` and `whip` are the doors, which never import each other; `http` puts
them and the static pages into one server.
"""
