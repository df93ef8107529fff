// A worker of its own kind (no module), since LiteRT loads by importScripts. What it is told waits until it can listen.
const loaded = import("./processor.js");
// What fails here raises no event at the page.
loaded.catch(() => self.postMessage({ type: "failed", reason: "not_loaded" }));
self.onmessage = (event) => loaded.then(({ receive }) => receive(event.data), () => undefined);
