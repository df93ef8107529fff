/**
 * Runs in the page before its own scripts: a camera and a microphone that say whose they are, and what was received.
 *
 * The camera is a plain picture in a colour, with a moving bar; the microphone is a steady tone. Both look real to the
 * page: it asks for devices and gets tracks. Firefox, whose AudioContext needs a loudspeaker to run, has the tone from
 * its own fake microphone. `identity` is put in by browsers.py.
 */
function instrument(identity) {
  const { colour, tone, synthesize, screen, rate } = identity;

  function picture(colour) {
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
    const context = canvas.getContext("2d");
    let count = 0;
    setInterval(() => {
      context.fillStyle = `rgb(${colour.join()})`;
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.fillStyle = "white";
      context.fillRect((count * 4) % canvas.width, 0, 16, 16);
      count += 1;
    }, 1000 / rate);
    return canvas.captureStream(rate).getVideoTracks()[0];
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
    const getUserMedia = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    let real = null;
    navigator.mediaDevices.getUserMedia = async ({ audio, video }) => {
      // The real (fake) devices stay open and unused: pages without any get only the default address for ICE.
      real ??= getUserMedia({ audio: true, video: true });
      const [beep] = (await real).getAudioTracks();
      const voice = () => (synthesize ? microphone() : beep.clone());
      return new MediaStream([...(audio ? [voice()] : []), ...(video ? [picture(colour)] : [])]);
    };
  }

  if (navigator.mediaDevices) {
    navigator.mediaDevices.getDisplayMedia = async () => new MediaStream([picture(screen)]);
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

  /** A quarter of a second of a track, decoded: recorded, since that needs no loudspeaker. */
  async function listen(track) {
    const recorder = new MediaRecorder(new MediaStream([track]));
    const recorded = new Promise((resolve) => recorder.addEventListener("dataavailable", ({ data }) => resolve(data)));
    recorder.start();
    await new Promise((resolve) => setTimeout(resolve, 400));
    recorder.stop();
    const data = await (await recorded).arrayBuffer();
    if (data.byteLength === 0) return new Float32Array();
    const audio = await new OfflineAudioContext(1, 48_000, 48_000).decodeAudioData(data).catch(() => null);
    return audio?.getChannelData(0).slice(-12_000) ?? new Float32Array();
  }

  /** The strongest frequency from 100 Hz to 2 kHz, in steps of 10 Hz (Goertzel); 0 for silence. */
  function dominantTone(samples) {
    const energy = samples.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, samples.length);
    if (energy < 1e-5) return 0;
    let best = { frequency: 0, power: 0 };
    for (let frequency = 100; frequency <= 2_000; frequency += 10) {
      const factor = 2 * Math.cos((2 * Math.PI * frequency) / 48_000);
      let [last, before] = [0, 0];
      for (const sample of samples) [last, before] = [sample + factor * last - before, last];
      const power = last * last + before * before - factor * last * before;
      if (power > best.power) best = { frequency, power };
    }
    return best.frequency;
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
    async tones() {
      return Promise.all(live("audio").map(async ({ track }) => dominantTone(await listen(track))));
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
          // Firefox marks the pair in use; one that was used before stays nominated.
          const inUse = stats.type === "candidate-pair" && stats.selected;
          const pair = stats.type === "transport" ? report.get(stats.selectedCandidatePairId) : inUse ? stats : null;
          if (pair) protocols.push(report.get(pair.localCandidateId)?.protocol ?? null);
        });
      }
      return protocols;
    },
  };
}
