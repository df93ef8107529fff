/**
 * What the bridge inside the page does by HTTP: sharp still pictures, and the self-test. It is injected after
 * `fake-bridge.js` and must stay free of imports.
 */
export function installFakeHttp() {
  const bridge = window.fakeBridge;
  Object.assign(bridge, {
    fetched: [],

    on_ask_for_still(_, { source_id: source }) {
      this.still = { id: "still-1", asked_by: "p-self", participant_id: this.ownerOf(source), source_id: source, step: "asked" };
      return { type: "still_requested", still: this.still };
    },

    on_answer_still(_, { consents }) {
      return consents ? { type: "still_ticket", path: "stills/still-1", ticket: "ticket", max_bytes: 4194304 } : { type: "done" };
    },

    askForStill(by) {
      const { id: source } = this.ownSources.find(({ source }) => source === "camera");
      this.notice({ type: "still_asked", still: { id: "still-1", asked_by: by, participant_id: "p-self", source_id: source, step: "asked" } });
    },

    /** What the doctor asked for comes: a picture of so many pixels. */
    async deliverStill(width, height) {
      const canvas = Object.assign(document.createElement("canvas"), { width, height });
      drawnMedia.drawRash(canvas.getContext("2d"), width, height);
      this.picture = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.8));
      const file = { path: "stills/still-1", ticket: "ticket", content_type: "image/jpeg", bytes: this.picture.size, width, height };
      this.notice({ type: "still_ready", still: { ...this.still, step: "ready", file } });
    },

    endStill(reason) {
      this.notice({ type: "still_ended", still_id: "still-1", reason });
    },

    /** Pictures come and go by HTTP. */
    serve(url, { method = "GET", body, headers }) {
      this.fetched.push({ method, path: new URL(url).pathname, authorization: headers.Authorization });
      if (method === "PUT") this.picture = body;
      return method === "PUT" ? new Response(null, { status: 204 }) : new Response(this.picture);
    },

    /** The self-test: what is sent comes back, all within the page. */
    async serveSelfTest(url, { method = "GET", body }) {
      if (method === "DELETE") return new Response(null, { status: 204 });
      if (method === "GET") return Response.json({ estimate: 900_000 });
      const connection = new RTCPeerConnection();
      const echoes = !new URL(url).pathname.endsWith("/selftest");
      await connection.setRemoteDescription({ type: "offer", sdp: body });
      for (const transceiver of connection.getTransceivers()) {
        const { kind } = transceiver.receiver.track;
        if (echoes) {
          transceiver.direction = "sendonly";
          await transceiver.sender.replaceTrack(this.tested.find((track) => track.kind === kind));
        }
      }
      const tracks = connection.getReceivers().map(({ track }) => track);
      // One test is of sound alone, over TCP, which pages have not among themselves.
      if (!echoes && tracks.length > 1) this.tested = tracks;
      await connection.setLocalDescription();
      await this.gathered(connection);
      const headers = { "Content-Type": "application/sdp", Location: "/v1/selftest/test-1" };
      return new Response(connection.localDescription.sdp, { status: echoes ? 200 : 201, headers });
    },
  });

  const realFetch = window.fetch.bind(window);
  window.fetch = async (url, init = {}) => {
    if (String(url).includes("/selftest")) return bridge.serveSelfTest(url, init);
    return String(url).includes("/stills/") ? bridge.serve(url, init) : realFetch(url, init);
  };
}
