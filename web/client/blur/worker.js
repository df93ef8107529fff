// A worker of its own kind (no module), since LiteRT loads by importScripts. What it is told waits until it can listen.
const loaded = import("./processor.js");
self.onmessage = (event) => loaded.then(({ receive }) => receive(event.data));
