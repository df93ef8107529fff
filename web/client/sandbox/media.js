/** A camera that is a drawing and a microphone that is a tone. */

/**
 * To be made while a button is pressed: browsers let no page sound by itself.
 *
 * @returns {{ stream: MediaStream, stop: () => void }} `stop` ends the drawing and the tone, and releases what they take
 */
export function drawnMedia() {
  const canvas = document.createElement("canvas");
  canvas.width = 640;
  canvas.height = 360;
  const context = canvas.getContext("2d");
  let step = 0;
  const draw = () => {
    if (context === null) return;
    step += 1;
    context.fillStyle = `hsl(${(step * 3) % 360} 55% 35%)`;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.fillStyle = "#ffffff";
    context.font = "bold 96px sans-serif";
    context.textAlign = "center";
    context.fillText(new Date().toISOString().slice(11, 21), canvas.width / 2, canvas.height / 2 + 32);
  };
  draw();
  const timer = setInterval(draw, 100);
  const audio = new AudioContext();
  const tone = new OscillatorNode(audio, { frequency: 440 });
  const sound = audio.createMediaStreamDestination();
  tone.connect(sound);
  tone.start();
  const stream = new MediaStream([...canvas.captureStream(10).getTracks(), ...sound.stream.getTracks()]);
  const stop = () => {
    clearInterval(timer);
    for (const track of stream.getTracks()) track.stop();
    void audio.close();
  };
  return { stream, stop };
}
