/**
 * Runs in the page before its own scripts: a camera and a microphone that say whose they are, and what was received.
 *
 * The camera is a plain picture in a colour, with a moving bar; the microphone is a steady tone. Both look real to the
 * page: it asks for devices and gets tracks. `identity` is put in by browsers.py.
 */
function instrument(identity) {
  const { colour, tone } = identity;

  function camera() {
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
    const context = canvas.getContext("2d");
    let count = 0;
    setInterval(() => {
      context.fillStyle = `rgb(${colour.join()})`;
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.fillStyle = "white";
      context.fillRect((count * 4) % canvas.width, 0, 16, 16);
      count += 1;
    }, 40);
    return canvas.captureStream(25).getVideoTracks()[0];
  }

  function microphone() {
    const context = new AudioContext();
    const destination = context.createMediaStreamDestination();
    const oscillator = new OscillatorNode(context, { frequency: tone });
    oscillator.connect(new GainNode(context, { gain: 0.4 })).connect(destination);
    oscillator.start();
    return destination.stream.getAudioTracks()[0];
  }

  if (navigator.mediaDevices) {
    navigator.mediaDevices.getUserMedia = async ({ audio, video }) =>
      new MediaStream([...(audio ? [microphone()] : []), ...(video ? [camera()] : [])]);
  }

  /** @type {RTCPeerConnection[]} */
  const connections = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration) {
      super(configuration);
      connections.push(this);
    }
  };
  // Every track that is played: pages differ in where they keep them, but none can do without an element.
  const played = new Set();
  const descriptor = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "srcObject");
  Object.defineProperty(HTMLMediaElement.prototype, "srcObject", {
    ...descriptor,
    set(stream) {
      played.add(this);
      descriptor.set.call(this, stream);
    },
  });
  const live = (kind) =>
    [...played].flatMap((element) => (element.srcObject?.getTracks() ?? []).map((track) => ({ element, track })))
      .filter(({ track }) => track.kind === kind && track.readyState === "live")
      .filter(({ track }) => connections.some((one) => one.getReceivers().some((receiver) => receiver.track === track)));

  const listening = new Map();
  function analyserOf(track) {
    if (!listening.has(track)) {
      const context = new AudioContext({ sampleRate: 48_000 });
      const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
      context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
      listening.set(track, analyser);
    }
    return listening.get(track);
  }

  window.received = {
    connections,

    /** The mean colour of the lower half of each remote picture that is shown, as [red, green, blue]. */
    colours() {
      return live("video").flatMap(({ element }) => {
        if (!element.videoWidth) return [];
        const canvas = new OffscreenCanvas(32, 32);
        const context = canvas.getContext("2d");
        context.drawImage(element, 0, element.videoHeight / 2, element.videoWidth, element.videoHeight / 2, 0, 0, 32, 32);
        const { data } = context.getImageData(0, 0, 32, 32);
        const sums = [0, 0, 0];
        data.forEach((value, index) => index % 4 < 3 && (sums[index % 4] += value));
        return [sums.map((sum) => sum / (32 * 32))];
      });
    },

    /** The strongest frequency of each remote sound that is played, Hz; 0 for silence. */
    tones() {
      return live("audio").map(({ track }) => {
        const analyser = analyserOf(track);
        const bins = new Float32Array(analyser.frequencyBinCount);
        analyser.getFloatFrequencyData(bins);
        const width = analyser.context.sampleRate / analyser.fftSize;
        let best = 0;
        bins.forEach((level, bin) => bin * width > 100 && (best === 0 || level > bins[best]) && (best = bin));
        return bins[best] > -70 ? best * width : 0;
      });
    },

    /** Frames decoded so far, of all remote pictures. */
    async frames() {
      let frames = 0;
      for (const connection of connections.filter(({ connectionState }) => connectionState !== "closed")) {
        (await connection.getStats()).forEach((stats) => {
          if (stats.type === "inbound-rtp" && stats.kind === "video") frames += stats.framesDecoded ?? 0;
        });
      }
      return frames;
    },

    /** The protocol of each connection's address pair in use: "udp" or "tcp". */
    async protocols() {
      const protocols = [];
      for (const connection of connections.filter(({ connectionState }) => connectionState === "connected")) {
        const report = await connection.getStats();
        report.forEach((stats) => {
          if (stats.type === "candidate-pair" && stats.nominated && stats.state === "succeeded") {
            protocols.push(report.get(stats.localCandidateId)?.protocol ?? null);
          }
        });
      }
      return protocols;
    },
  };
}
