/**
 * Cameras, screens and voices that are drawn and sounded within the page: `window.drawnMedia`.
 *
 * It is injected before the page's own scripts and must stay free of imports.
 */
export function installDrawnMedia() {
  const PICTURE = { width: 640, height: 480 };
  const SKIN = ["#e8c4a0", "#c99b76", "#f0d2b6", "#8d5a3b"];
  const HAIR = ["#4a3526", "#20201f", "#b98a4e", "#8b8b8b"];
  const CLOTHES = ["#3a4a5a", "#7b3f4c", "#2f5d50", "#d9d4c7"];
  let people = 0;

  /** @param {(context: CanvasRenderingContext2D, frame: number) => void} draw */
  function picture(draw, { width, height } = PICTURE) {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = canvas.getContext("2d");
    let frame = 0;
    // A still one is painted again all the same: who comes later gets it, too.
    const paint = () => draw(context, window.drawnMedia.still ? 0 : (frame += 1));
    paint();
    setInterval(paint, 66);
    return canvas.captureStream(15).getVideoTracks()[0];
  }

  function oval(context, colour, x, y, width, height) {
    context.fillStyle = colour;
    context.beginPath();
    context.ellipse(x, y, width, height, 0, 0, 7);
    context.fill();
  }

  /** Head and shoulders before a wall, each looking a little different. */
  function drawPerson(context, wall, looks, frame, { width, height } = PICTURE) {
    const scale = Math.min(width / PICTURE.width, height / PICTURE.height);
    const [skin, hair, clothes] = [SKIN, HAIR, CLOTHES].map((colours, index) => colours[(looks + index * (looks % 3)) % colours.length]);
    context.fillStyle = wall;
    context.fillRect(0, 0, width, height);
    context.fillStyle = "rgb(255 255 255 / 14%)";
    context.fillRect(width * 0.06, 0, width * 0.24, height * 0.6);
    context.save();
    context.translate(width / 2, height * 0.47 + Math.sin(frame / 20) * 4);
    context.scale(scale, scale);
    oval(context, hair, 0, -38, 102, 116);
    if (looks % 2 === 1) context.fillRect(-102, -38, 204, 150);
    context.fillStyle = skin;
    context.fillRect(-34, 50, 68, 90);
    oval(context, skin, 0, 0, 82, 104);
    oval(context, hair, 0, -74, 84, 40);
    for (const side of [-1, 1]) oval(context, "#2b2320", side * 30, -6, 6, 7);
    context.strokeStyle = "#7a3b34";
    context.lineWidth = 4;
    context.lineCap = "round";
    context.beginPath();
    context.arc(0, 34, 26, 0.5, Math.PI - 0.5);
    context.stroke();
    oval(context, clothes, 0, 276, 214, 158);
    context.restore();
  }

  function drawScreen(context, frame) {
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, PICTURE.width, PICTURE.height);
    context.fillStyle = "#0b5563";
    context.fillRect(0, 0, PICTURE.width, 44);
    context.fillStyle = "#ffffff";
    context.font = "bold 22px sans-serif";
    context.fillText("Prøvesvar", 24, 30);
    context.font = "20px sans-serif";
    ["Hb 14,1", "Leukocytter 6,2", "CRP 12", "Kreatinin 71", "Kalium 4,1", "Natrium 140", "HbA1c 38", "TSH 1,9"].forEach((line, index) => {
      context.fillStyle = index % 2 === 0 ? "#eef4f5" : "#ffffff";
      context.fillRect(24, 66 + index * 46, PICTURE.width - 48, 46);
      context.fillStyle = "#222222";
      context.fillText(line, 40, 96 + index * 46);
    });
    context.fillText(String(frame), PICTURE.width - 90, 464);
  }

  function drawRash(context, width, height) {
    context.fillStyle = "#e8c4a0";
    context.fillRect(0, 0, width, height);
    context.fillStyle = "#c0392b";
    for (let spot = 0; spot < 60; spot += 1) {
      context.beginPath();
      context.arc(((spot * 37) % 61) * (width / 61), ((spot * spot * 13) % 59) * (height / 59), height / 90 + (spot % 5) * 6, 0, 7);
      context.fill();
    }
  }

  /** Four people in one picture, as the bridge composes them. */
  function drawComposed(context, frame) {
    const { width, height } = context.canvas;
    const cell = { width: width / 2, height: height / 2 };
    ["#557799", "#775544", "#4f7a66", "#8a6d3b"].forEach((wall, index) => {
      context.save();
      context.translate((index % 2) * cell.width, Math.floor(index / 2) * cell.height);
      context.beginPath();
      context.rect(3, 3, cell.width - 6, cell.height - 6);
      context.clip();
      drawPerson(context, wall, index, frame, cell);
      context.fillStyle = "rgb(10 20 24 / 78%)";
      context.fillRect(12, cell.height - 44, 150, 32);
      context.fillStyle = "#ffffff";
      context.font = "20px sans-serif";
      context.fillText(["Åse Lege", "Tone Tolk", "Per Hansen", "NAV Oslo"][index], 22, cell.height - 21);
      context.restore();
    });
  }

  function tone(frequency) {
    const context = new AudioContext();
    const destination = context.createMediaStreamDestination();
    const oscillator = new OscillatorNode(context, { frequency });
    oscillator.connect(new GainNode(context, { gain: 0.1 })).connect(destination);
    oscillator.start();
    return destination.stream.getAudioTracks()[0];
  }

  window.drawnMedia = {
    still: false,
    person: (wall, looks = (people += 1)) => picture((context, frame) => drawPerson(context, wall, looks, frame)),
    screen: () => picture(drawScreen),
    composed: (width, height) => picture(drawComposed, { width, height }),
    drawRash,
    tone,
  };
}
