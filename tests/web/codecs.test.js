import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { codecsToOffer } from "../../web/sdk/src/codecs.js";

/** As Chromium 156 names them. */
const CHROMIUM = [
  ["video/VP8"],
  ["video/rtx"],
  ["video/VP9", "profile-id=0"],
  ["video/VP9", "profile-id=2"],
  ["video/H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f"],
  ["video/H264", "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f"],
  ["video/H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"],
  ["video/H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f"],
  ["video/AV1", "level-idx=5;profile=0;tier=0"],
  ["video/AV1", "level-idx=5;profile=1;tier=0"],
  ["video/red"],
  ["video/ulpfec"],
  ["video/flexfec-03", "repair-window=10000000"],
].map(([mimeType, sdpFmtpLine]) => ({ mimeType, sdpFmtpLine, clockRate: 90_000 }));

const names = (codecs) => codecs.map(({ mimeType, sdpFmtpLine }) => [mimeType, /42\w+/.exec(sdpFmtpLine ?? "")?.[0]]);

describe("codecsToOffer", () => {
  it("leaves out what the bridge does not take", () => {
    assert.deepEqual(names(codecsToOffer(CHROMIUM)), [
      ["video/VP8", undefined],
      ["video/rtx", undefined],
      ["video/VP9", undefined],
      ["video/H264", "42001f"],
      ["video/H264", "42e01f"],
      ["video/AV1", undefined],
    ]);
  });

  it("puts the one that was chosen first", () => {
    assert.equal(codecsToOffer(CHROMIUM, "AV1")[0].mimeType, "video/AV1");
    assert.equal(codecsToOffer(CHROMIUM, "H264")[0].mimeType, "video/H264");
    assert.equal(codecsToOffer(CHROMIUM, "AV1").length, codecsToOffer(CHROMIUM).length);
  });

  it("leaves the browser its own list where it names nothing known", () => {
    assert.deepEqual(codecsToOffer([{ mimeType: "video/H265", clockRate: 90_000 }, CHROMIUM[1]]), []);
  });
});
