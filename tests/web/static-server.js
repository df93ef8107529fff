/**
 * Serves the pages and the SDK as the bridge does: `/`, `/join`, `/signin`, `/admin`, `/sandbox`, `/client/*`, `/sdk/*`, `/packages/*`.
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
const PAGES = { "/": "front", "/join": "index", "/signin": "signin", "/admin": "admin", "/sandbox": "sandbox", "/jion": "nothing" };
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".wasm": "application/wasm", ".tflite": "application/octet-stream" };

/** What an operator's mark makes of a page (bridge/signaling/mark.py), with `?mark`. */
const MARK = {
  name: "Legekontoret Storgata",
  logo: "logo",
  support: "Ring legekontoret på 22 33 44 55 (hverdager 8–15).",
};
const METAS = Object.entries(MARK).map(([name, text]) => `<meta name="service-${name}" content="${text}">`).join("");
const LOGO =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 32"><path fill="#a3195b" d="M12 2h8v10h10v8H20v10h-8V20H2v-8h10z"/>' +
  '<path fill="none" stroke="#203a60" stroke-width="4" d="M40 22c8-16 16 10 24-4s14-6 26-10"/></svg>';

/** @param {string} page @param {boolean} marked */
async function whole(page, marked) {
  const notLoaded = await readFile(join(WEB, "client/not-loaded.html"), "utf8");
  return page.replace("<!-- not-loaded -->", notLoaded.trim()).replace("</head>", `${marked ? METAS : ""}</head>`);
}

/** @returns {Promise<{ origin: string, close: () => void }>} */
export async function serveWeb() {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const path = normalize(url.pathname);
    if (path === "/logo") {
      response.writeHead(200, { "Content-Type": TYPES[".svg"] }).end(LOGO);
      return;
    }
    const packed = path.startsWith("/packages/");
    const file = path in PAGES ? `client/${PAGES[path]}.html` : packed ? path.replace("/packages/", "packages/files/") + ".gz" : path.slice(1);
    try {
      const read = await readFile(join(WEB, file));
      const body = path in PAGES ? await whole(String(read), url.searchParams.has("mark")) : read;
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
