import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { setLocalDescriptionWithSoundRepair, withSoundRepair } from "../../web/sdk/src/sound-repair.js";

const SOUND = "m=audio 9 UDP/TLS/RTP/SAVPF 63 111 0\r\na=rtpmap:63 red/48000/2\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=rtpmap:0 PCMU/8000\r\n";
const PICTURE = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\n";
const SESSION = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";

describe("withSoundRepair", () => {
  it("asks for Opus to be repaired, repeated or not, and for nothing else", () => {
    const repaired = withSoundRepair(SESSION + SOUND + PICTURE + SOUND);
    assert.equal(repaired.match(/^a=rtcp-fb:(111|63) nack\r$/gm)?.length, 4);
    assert.equal(repaired.replace(/a=rtcp-fb:(111|63) nack\r\n/g, ""), SESSION + SOUND + PICTURE + SOUND);
  });

  it("leaves alone what has it already, and what has no Opus", () => {
    const repaired = withSoundRepair(SESSION + SOUND);
    assert.equal(withSoundRepair(repaired), repaired);
    assert.equal(withSoundRepair(SESSION + PICTURE), SESSION + PICTURE);
  });

  it("does without where a browser takes no description that was changed", async () => {
    const taken = [];
    const connection = {
      async setLocalDescription({ sdp }) {
        if (sdp !== SESSION + SOUND) throw new Error("changed");
        taken.push(sdp);
      },
    };
    await setLocalDescriptionWithSoundRepair(connection, { type: "offer", sdp: SESSION + SOUND });
    assert.deepEqual(taken, [SESSION + SOUND]);
  });
});
