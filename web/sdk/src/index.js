/**
 * Browser SDK of the bridge.
 *
 * ```js
 * const call = await connect("wss://bridge.example/v1/signal", token);
 * call.on("sourcechange", ({ participant, kind, track }) => show(participant, kind, track));
 * await call.publishCamera();
 * await call.publishMicrophone();
 * ```
 */
export { connect } from "./connect.js";
export { Preparation } from "./preparation.js";
export { Call } from "./call.js";
export { LocalSource } from "./local-source.js";
export { RemoteParticipant, RemoteSource } from "./participant.js";
export {
  listDevices,
  openCamera,
  openCameraAndMicrophone,
  openMicrophone,
  openScreen,
  watchDevices,
} from "./devices.js";
export { deriveTrack, originOf, releaseTrack } from "./derived-track.js";
export { watchPicture } from "./picture-watch.js";
export { LevelMeter } from "./level-meter.js";
export { BridgeError, ConnectionError, DeviceError, RequestError, RoomError, TokenError } from "./errors.js";
