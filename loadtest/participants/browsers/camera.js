/**
 * Runs in the page before its own scripts: a camera whose every picture says when it was taken and by whom.
 *
 * Two rows of sixteen blocks lie over the top of each picture: 4 bits of the participant's number, 1 of the source
 * (0 camera, 1 screen), 19 of the time in milliseconds, 8 of a checksum. They survive scaling down to 160 pixels.
 *
 * `look` is put in by page.py: { number, width, height, fps, clip }.
 */
function installCamera(look) {
  const COLUMNS = 16;
  const ROWS = 2;
  /** A row's share of the height. */
  const ROW = 1 / 15;
  const DARK = 40;
  const LIGHT = 215;
  const TIME_BITS = 19;
  const WRAP = 2 ** TIME_BITS;

  const wallClock = () => performance.timeOrigin + performance.now();

  /** CRC-8 (polynomial 0x07) of 24 bits. */
  function checksum(value) {
    let crc = 0;
    for (let shift = 16; shift >= 0; shift -= 8) {
      crc ^= (value >>> shift) & 0xff;
      for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : (crc << 1) & 0xff;
    }
    return crc;
  }

  function stamp(context, source) {
    const { width, height } = context.canvas;
    const value = (look.number << (TIME_BITS + 1)) | (source << TIME_BITS) | Math.floor(wallClock() % WRAP);
    const crc = checksum(value);
    const rowHeight = Math.round(height * ROW);
    for (let index = 0; index < COLUMNS * ROWS; index += 1) {
      const bit = index < 24 ? (value >>> (23 - index)) & 1 : (crc >>> (31 - index)) & 1;
      const shade = bit ? LIGHT : DARK;
      context.fillStyle = `rgb(${shade},${shade},${shade})`;
      const column = index % COLUMNS;
      const left = Math.round((column * width) / COLUMNS);
      const right = Math.round(((column + 1) * width) / COLUMNS);
      context.fillRect(left, Math.floor(index / COLUMNS) * rowHeight, right - left, rowHeight);
    }
  }

  const small = new OffscreenCanvas(COLUMNS * 4, ROWS * 4);
  const reading = small.getContext("2d", { willReadFrequently: true });

  /** What a picture says: { number, source, sent } in milliseconds since the epoch, or null where it cannot be read. */
  function readStamp(video) {
    const { videoWidth, videoHeight } = video;
    const rows = Math.round(videoHeight * ROW) * ROWS;
    reading.drawImage(video, 0, 0, videoWidth, rows, 0, 0, small.width, small.height);
    const { data } = reading.getImageData(0, 0, small.width, small.height);
    let value = 0;
    let crc = 0;
    for (let index = 0; index < COLUMNS * ROWS; index += 1) {
      const x = (index % COLUMNS) * 4 + 1;
      const y = Math.floor(index / COLUMNS) * 4 + 1;
      let sum = 0;
      for (const dy of [0, 1]) for (const dx of [0, 1]) sum += data[((y + dy) * small.width + x + dx) * 4 + 1];
      const bit = sum / 4 > (DARK + LIGHT) / 2 ? 1 : 0;
      if (index < 24) value = (value << 1) | bit;
      else crc = (crc << 1) | bit;
    }
    if (crc !== checksum(value)) return null;
    const now = wallClock();
    // The newest time with these last bits that is not in the future (by more than the clocks' disagreement).
    const age = (((now + 50 - (value & (WRAP - 1))) % WRAP) + WRAP) % WRAP;
    return { number: value >>> (TIME_BITS + 1), source: (value >>> TIME_BITS) & 1, sent: now + 50 - age };
  }

  /** A picture with about as much to code as a person before a wall: where there is no clip. */
  function drawPerson(context, time) {
    const { width, height } = context.canvas;
    const sway = Math.sin(time / 900) * width * 0.02;
    const nod = Math.sin(time / 410) * height * 0.012;
    const wall = context.createLinearGradient(0, 0, width, height);
    wall.addColorStop(0, "#8a9aa8");
    wall.addColorStop(1, "#5d6b70");
    context.fillStyle = wall;
    context.fillRect(0, 0, width, height);
    for (let shelf = 0; shelf < 5; shelf += 1) {
      for (let book = 0; book < 9; book += 1) {
        context.fillStyle = `hsl(${(shelf * 67 + book * 41) % 360} 30% ${30 + ((book * 13) % 30)}%)`;
        context.fillRect(width * (0.02 + book * 0.03), height * (0.2 + shelf * 0.16), width * 0.024, height * 0.12);
      }
    }
    context.fillStyle = "#274060";
    context.beginPath();
    context.ellipse(width / 2 + sway * 0.6, height * 1.05, width * 0.24, height * 0.36, 0, 0, 7);
    context.fill();
    context.fillStyle = "#d9a58a";
    context.beginPath();
    context.ellipse(width / 2 + sway, height * 0.5 + nod, width * 0.1, height * 0.24, 0, 0, 7);
    context.fill();
    context.fillStyle = "#4a2f20";
    context.beginPath();
    context.ellipse(width / 2 + sway, height * 0.34 + nod, width * 0.105, height * 0.12, 0, 3.14, 6.29);
    context.fill();
    const blink = time % 3100 < 140 ? 0.2 : 1;
    for (const side of [-1, 1]) {
      context.fillStyle = "#fff";
      context.beginPath();
      context.ellipse(width / 2 + sway + side * width * 0.035, height * 0.46 + nod, width * 0.014, height * 0.018 * blink, 0, 0, 7);
      context.fill();
    }
    const open = Math.abs(Math.sin(time / 130) * Math.sin(time / 730));
    context.fillStyle = "#7a2f2f";
    context.beginPath();
    context.ellipse(width / 2 + sway, height * 0.62 + nod, width * 0.03, height * (0.006 + 0.03 * open), 0, 0, 7);
    context.fill();
  }

  /** A page of text that is turned every eight seconds: what people share. */
  function drawDocument(context, time) {
    const { width, height } = context.canvas;
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, height);
    context.fillStyle = "#222";
    const size = Math.round(height / 36);
    context.font = `${size}px sans-serif`;
    const page = Math.floor(time / 8000);
    for (let line = 0; line < 28; line += 1) {
      const words = Array.from({ length: 12 }, (_, word) => ((page * 7919 + line * 104729 + word * 1299709) % 99991).toString(36));
      context.fillText(words.join(" "), width * 0.05, height * 0.16 + line * size * 1.1);
    }
  }

  function track(width, height, fps, source, draw) {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = canvas.getContext("2d", { alpha: false });
    const tick = () => {
      draw(context, wallClock());
      stamp(context, source);
    };
    tick();
    const timer = setInterval(tick, 1000 / fps);
    const [made] = canvas.captureStream(fps).getVideoTracks();
    const stop = made.stop.bind(made);
    made.stop = () => {
      clearInterval(timer);
      stop();
    };
    return made;
  }

  function camera(clip) {
    if (clip === null) return track(look.width, look.height, look.fps, 0, drawPerson);
    const player = Object.assign(document.createElement("video"), { muted: true, srcObject: new MediaStream([clip]) });
    player.play();
    return track(look.width, look.height, look.fps, 0, (context) => {
      context.drawImage(player, 0, 0, context.canvas.width, context.canvas.height);
    });
  }

  const devices = navigator.mediaDevices;
  if (devices) {
    const getUserMedia = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async ({ audio, video }) => {
      const wanted = { audio: audio ?? false, video: Boolean(video) && look.clip };
      // Without any real device open a page gets only the default address for ICE.
      if (!wanted.audio && !wanted.video) wanted.audio = true;
      const real = await getUserMedia(wanted);
      const sound = audio ? real.getAudioTracks() : [];
      const picture = video ? [camera(real.getVideoTracks()[0] ?? null)] : [];
      return new MediaStream([...sound, ...picture]);
    };
    devices.getDisplayMedia = async () => new MediaStream([track(1280, 720, 15, 1, drawDocument)]);
  }
  return { number: look.number, readStamp, wallClock };
}
