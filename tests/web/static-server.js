/**
 * Serves the pages and the SDK as the bridge does: `/join`, `/signin`, `/admin`, `/sandbox`, `/client/*`, `/sdk/*`, `/packages/*`.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const WEB = fileURLToPath(new URL("../../web/", import.meta.url));
/** As strict as the bridge's own (bridge/signaling/web.py). */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob: mediastream:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'";
const PAGES = { "/join": "index", "/signin": "signin", "/admin": "admin", "/sandbox": "sandbox" };
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".wasm": "application/wasm", ".tflite": "application/octet-stream" };

/** @returns {Promise<{ origin: string, close: () => void }>} */
export async function serveWeb() {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname);
    const packed = path.startsWith("/packages/");
    const file = path in PAGES ? `client/${PAGES[path]}.html` : packed ? path.replace("/packages/", "packages/files/") + ".gz" : path.slice(1);
    try {
      const body = await readFile(join(WEB, file));
      const type = `${TYPES[extname(path)] ?? "text/html"}; charset=utf-8`;
      const policy = path.endsWith("/blur/worker.js") ? POLICY.replace("script-src", "script-src 'wasm-unsafe-eval'") : POLICY;
      const encoding = packed ? { "Content-Encoding": "gzip" } : {};
      response.writeHead(200, { "Content-Type": type, "Content-Security-Policy": policy, ...encoding }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return { origin: `http://localhost:${port}`, close: () => server.close() };
}
